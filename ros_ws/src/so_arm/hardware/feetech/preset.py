"""Emulated servos of an assembled arm: set up as a calibration says, or as they come from the box."""

from __future__ import annotations

import numpy as np

from so_arm.core.calibration import Calibration
from so_arm.core.ticks import TickScale
from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.servo import Servo

_BOX_ID = 1


def servos_of(calibration: Calibration, position_rad: np.ndarray, fresh: bool = False) -> list[Servo]:
    """Servos in the order of the joints, with the arm at `position_rad` (6,).

    fresh: id, homing offset and limits are those of new servos; how the arm was assembled is still as `calibration`
    has it, so that calibrating the arm finds its numbers again.
    """
    ticks = TickScale(calibration).exact_ticks_from_rad(position_rad)
    servos = []
    for joint, tick in zip(calibration.in_order(), ticks.tolist(), strict=True):
        servo = Servo(_BOX_ID if fresh else joint.id, tick + joint.homing_offset)
        if not fresh:
            servo.keep(reg.HOMING_OFFSET, joint.homing_offset)
            servo.keep(reg.MIN_POSITION_LIMIT, joint.range_min)
            servo.keep(reg.MAX_POSITION_LIMIT, joint.range_max)
        servo.shaft = tick + joint.homing_offset  # turns counted: the plant's too may lie beyond one turn
        servo.settle()
        servos.append(servo)
    return servos
