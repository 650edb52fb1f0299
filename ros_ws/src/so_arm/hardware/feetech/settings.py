"""Servo settings: LeRobot's at start, and EEPROM written only where it differs."""

from __future__ import annotations

from collections.abc import Mapping

from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.bus import FeetechBus
from so_arm.hardware.feetech.errors import VerifyError

#: What LeRobot's SO follower sets on every servo; the answer to writes is ours.
ALL_SERVOS: dict[reg.Register, int] = {
    reg.RESPONSE_STATUS_LEVEL: 1,
    reg.RETURN_DELAY_TIME: 0,
    reg.MAXIMUM_ACCELERATION: 254,
    reg.ACCELERATION: 254,
    reg.OPERATING_MODE: reg.POSITION_MODE,
    reg.P_COEFFICIENT: 16,
    reg.I_COEFFICIENT: 0,
    reg.D_COEFFICIENT: 32,
}
#: On the gripper too, so that it survives closing on something hard. Torque_Limit is what works until the next
#: power-up, when the servo loads it from Max_Torque_Limit.
GRIPPER: dict[reg.Register, int] = {
    reg.MAX_TORQUE_LIMIT: 500,
    reg.TORQUE_LIMIT: 500,
    reg.PROTECTION_CURRENT: 250,
    reg.OVERLOAD_TORQUE: 25,
}


def apply_start_settings(bus: FeetechBus, gripper_id: int | None) -> dict[int, list[str]]:
    """LeRobot's settings on all servos of the bus; returns the names of the registers that had to change, by id.

    gripper_id: servo that gets the gripper's settings too; None when there is none.
    """
    changed = {}
    for servo_id in bus.ids:
        values = start_settings(bus.read(servo_id, reg.PHASE), is_gripper=servo_id == gripper_id)
        changed[servo_id] = write_changed(bus, servo_id, values)
    return changed


def start_settings(phase: int, is_gripper: bool) -> dict[reg.Register, int]:
    """What `apply_start_settings` wants of a servo whose Phase is `phase`."""
    # With multi-turn feedback positions beyond one turn, and negative ones, come back.
    return ALL_SERVOS | (GRIPPER if is_gripper else {}) | {reg.PHASE: phase & ~reg.PHASE_MULTI_TURN}


def write_changed(bus: FeetechBus, servo_id: int, values: Mapping[reg.Register, int]) -> list[str]:
    """Writes those of `values` that the servo does not hold already and reads them back; returns their names.

    When something outside SRAM differs, the servo goes limp, is unlocked, written and locked again; otherwise its
    torque stays as it is.
    """
    differing = {register: value for register, value in values.items() if bus.read(servo_id, register) != value}
    lasting = any(register.area is not reg.Area.SRAM for register in differing)
    if lasting:
        bus.write(servo_id, reg.TORQUE_ENABLE, reg.TORQUE_OFF)
        bus.write(servo_id, reg.LOCK, 0)
    try:
        for register, value in differing.items():
            bus.write(servo_id, register, value)
            found = bus.read(servo_id, register)
            if found != value:
                raise VerifyError(servo_id, f"{register.name} reads {found} after {value} was written")
    finally:
        if lasting:
            bus.write(servo_id, reg.LOCK, 1)
    return [register.name for register in differing]
