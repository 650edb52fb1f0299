"""Everything a check wants to know of one servo, read and not written."""

from __future__ import annotations

from dataclasses import dataclass

from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.bus import FeetechBus
from so_arm.hardware.feetech.errors import ServoFault
from so_arm.hardware.feetech.settings import start_settings
from so_arm.hardware.feetech.stored_calibration import Stored, read_despite_fault, read_stored


@dataclass(frozen=True)
class ServoFacts:
    id: int
    model: int
    firmware: str
    voltage: float  #: [V]
    voltage_limits: tuple[float, float]  #: [V], what the servo itself takes for too little and too much
    temperature: int  #: [degrees C]
    temperature_limit: int  #: [degrees C]
    faults: ServoFault
    position: int  #: [ticks]
    torque_on: bool
    stored: Stored
    other_settings: dict[str, tuple[int, int]]  #: by register what it is and what the driver will make it


def read_facts(bus: FeetechBus, servo_id: int, is_gripper: bool) -> ServoFacts:
    """ServoError when the servo does not answer."""

    def value(register: reg.Register) -> int:
        return read_despite_fault(bus, servo_id, register)

    wanted = start_settings(value(reg.PHASE), is_gripper)
    found = {register: value(register) for register in wanted}
    return ServoFacts(
        id=servo_id,
        model=value(reg.MODEL_NUMBER),
        firmware=f"{value(reg.FIRMWARE_MAJOR_VERSION)}.{value(reg.FIRMWARE_MINOR_VERSION)}",
        voltage=value(reg.PRESENT_VOLTAGE) * reg.VOLT,
        voltage_limits=(value(reg.MIN_VOLTAGE_LIMIT) * reg.VOLT, value(reg.MAX_VOLTAGE_LIMIT) * reg.VOLT),
        temperature=value(reg.PRESENT_TEMPERATURE),
        temperature_limit=value(reg.MAX_TEMPERATURE_LIMIT),
        faults=ServoFault(value(reg.STATUS) & 0x3F),
        position=value(reg.PRESENT_POSITION),
        torque_on=value(reg.TORQUE_ENABLE) == reg.TORQUE_ON,
        stored=read_stored(bus, servo_id),
        other_settings={r.name: (found[r], wanted[r]) for r in wanted if found[r] != wanted[r]},
    )
