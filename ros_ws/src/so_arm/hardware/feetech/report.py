"""What an emulated servo measures, as contents of its registers: the bytes that a state request reads."""

from __future__ import annotations

import struct

from so_arm.hardware.feetech import registers as reg

STALL_CURRENT_A = 2.0
_MOVING_TICKS_S = 10.0
# Position, velocity, load, voltage, temperature, async flag, status, moving, present goal, current.
_LAYOUT, _ADDRESS = struct.Struct("<HHHBBBBBHH"), reg.PRESENT_POSITION.address


def write_report(
    memory: bytearray,
    position: int,
    velocity: float,
    load: float,
    voltage: int,
    temperature: float,
    faults: int,
    goal: int,
) -> None:
    """position, goal [ticks], velocity [ticks/s], load [fraction of stall torque], voltage as in Present_Voltage."""
    speed = max(-32767, min(32767, round(velocity)))
    effort = max(-1000, min(1000, round(load / reg.LOAD)))
    # Negative values are sign and magnitude.
    _LAYOUT.pack_into(
        memory,
        _ADDRESS,
        position if position >= 0 else 0x8000 - position,
        speed if speed >= 0 else 0x8000 - speed,
        effort if effort >= 0 else 0x400 - effort,
        max(0, min(255, voltage)),
        max(0, min(255, round(temperature))),
        memory[reg.ASYNC_WRITE_FLAG.address],
        faults,
        abs(velocity) > _MOVING_TICKS_S,
        goal if goal >= 0 else 0x8000 - goal,
        min(0x7FFF, round(abs(load) * STALL_CURRENT_A / reg.AMPERE)),
    )
