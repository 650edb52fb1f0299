"""The calibration that the servos keep themselves: homing offset and position limits in their EEPROM."""

from __future__ import annotations

from typing import NamedTuple

from so_arm.core.calibration import MAX_TICK, Calibration, JointCalibration
from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.bus import FeetechBus
from so_arm.hardware.feetech.errors import StatusError
from so_arm.hardware.feetech.settings import write_changed


class Stored(NamedTuple):
    """One servo's part [ticks], as it is in the registers: nothing says that it makes sense."""

    homing_offset: int
    range_min: int
    range_max: int

    def __str__(self) -> str:
        return f"offset {self.homing_offset}, range {self.range_min}..{self.range_max}"


#: What a servo from the box has, and what LeRobot writes before it calibrates.
UNCALIBRATED = Stored(0, 0, MAX_TICK)

_REGISTERS = (reg.HOMING_OFFSET, reg.MIN_POSITION_LIMIT, reg.MAX_POSITION_LIMIT)


def of_joint(joint: JointCalibration) -> Stored:
    """What the servo of `joint` has to keep."""
    return Stored(joint.homing_offset, joint.range_min, joint.range_max)


def read_stored(bus: FeetechBus, servo_id: int) -> Stored:
    """What the servo keeps; a fault that it reports does not matter here."""
    return Stored(*(read_despite_fault(bus, servo_id, register) for register in _REGISTERS))


def read_despite_fault(bus: FeetechBus, servo_id: int, register: reg.Register) -> int:
    """The register of a servo that may be reporting a fault."""
    try:
        return bus.read(servo_id, register)
    except StatusError as error:
        return register.decode(error.data)


def write_stored(bus: FeetechBus, servo_id: int, stored: Stored) -> list[str]:
    """Writes what differs and reads it back; returns the names of these registers. The servo is limp then."""
    return write_changed(bus, servo_id, dict(zip(_REGISTERS, stored, strict=True)))


def read_mismatches(bus: FeetechBus, calibration: Calibration) -> dict[str, Stored]:
    """By name, what the servos keep for those joints where it is not what `calibration` says."""
    found = {name: read_stored(bus, joint.id) for name, joint in calibration.joints.items()}
    return {name: stored for name, stored in found.items() if stored != of_joint(calibration.joints[name])}
