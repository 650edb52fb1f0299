"""What the registers of an emulated servo ask of its motion, decoded once per change and not in every step."""

from __future__ import annotations

import math
from typing import NamedTuple

from so_arm.hardware.feetech import registers as reg

_FARTHEST_GOAL = 30719


class Controls(NamedTuple):
    """Every register that a step of physics looks at, but for the goal."""

    lower: int  #: [ticks]; limits 0 and 0 mean none
    upper: int
    homing_offset: int  #: [ticks]
    multi_turn: bool
    torque_on: bool
    torque_limit: float  #: fraction of stall torque
    protective_torque: float  #: what is left of it after an overload
    unloading: int  #: faults that take torque away
    speed: float  #: [ticks/s], inf for no limit
    acceleration: float  #: [ticks/s^2], 0 for no limit
    overload_percent: int
    overload_after_s: float
    overcurrent_a: float
    overcurrent_after_s: float
    least_voltage: int  #: raw, as in Present_Voltage
    most_voltage: int
    hottest_c: int

    @classmethod
    def decode(cls, memory: bytearray) -> Controls:
        """`memory`: the registers from address 0 on."""

        def get(register: reg.Register) -> int:
            return register.decode(memory[register.address : register.address + register.size])

        torque_limit = get(reg.TORQUE_LIMIT) * reg.LOAD
        return cls(
            lower=get(reg.MIN_POSITION_LIMIT),
            upper=get(reg.MAX_POSITION_LIMIT),
            homing_offset=get(reg.HOMING_OFFSET),
            multi_turn=bool(get(reg.PHASE) & reg.PHASE_MULTI_TURN),
            torque_on=get(reg.TORQUE_ENABLE) == reg.TORQUE_ON,
            torque_limit=torque_limit,
            protective_torque=min(torque_limit, get(reg.PROTECTIVE_TORQUE) / 100),
            unloading=get(reg.UNLOADING_CONDITION),
            speed=abs(get(reg.GOAL_VELOCITY)) or math.inf,
            acceleration=get(reg.ACCELERATION) * reg.ACCELERATION_TICKS_S2,
            overload_percent=get(reg.OVERLOAD_TORQUE),
            overload_after_s=get(reg.PROTECTION_TIME) * reg.PROTECTION_TIME_S,
            overcurrent_a=get(reg.PROTECTION_CURRENT) * reg.AMPERE,
            overcurrent_after_s=get(reg.OVER_CURRENT_PROTECTION_TIME) * reg.PROTECTION_TIME_S,
            least_voltage=get(reg.MIN_VOLTAGE_LIMIT),
            most_voltage=get(reg.MAX_VOLTAGE_LIMIT),
            hottest_c=get(reg.MAX_TEMPERATURE_LIMIT),
        )

    def within_limits(self, goal: int) -> int:
        if self.lower == self.upper == 0:
            return goal
        return min(_FARTHEST_GOAL, max(self.lower, min(self.upper, goal)))
