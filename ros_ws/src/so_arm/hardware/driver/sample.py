"""The state of all six servos at one moment: in ticks for the checks, in radians for everybody else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from so_arm.core.calibration import Calibration
from so_arm.core.joints import NUM_JOINTS
from so_arm.core.ticks import TickScale
from so_arm.hardware.feetech.errors import ServoError, ServoFault
from so_arm.hardware.feetech.state import ServoState, Sweep


@dataclass(frozen=True)
class ArmState:
    """What the arm is published as; all arrays are (6,) in ``JOINT_NAMES`` order.

    stamp_ns: date clock, when the bus was read. goal: on the wire at that time; where torque is off, the position.
    """

    stamp_ns: int
    position: np.ndarray  #: [rad]
    velocity: np.ndarray  #: [rad/s]
    goal: np.ndarray  #: [rad]


class Sample(NamedTuple):
    """One complete sweep; plain numbers, because the decisions of each cycle are made with them."""

    stamp_ns: int  #: time.monotonic_ns before the read
    ticks: list[int]
    position: list[float]  #: [rad]
    velocity: list[float]  #: [rad/s]
    load: list[float]
    current: list[float]  #: [A]
    voltage: list[float]  #: [V]
    temperature: list[int]  #: [degrees C]
    faults: list[ServoFault]

    def state(self, stamp_ns: int, goal: list[float] | None) -> ArmState:
        """The same for publishing, stamped `stamp_ns`."""
        position = np.array(self.position)
        return ArmState(stamp_ns, position, np.array(self.velocity), position if goal is None else np.array(goal))


class SampleReader:
    """Sweeps of the arm that `calibration` describes."""

    def __init__(self, calibration: Calibration) -> None:
        self.ids = tuple(joint.id for joint in calibration.in_order())
        self.scale = TickScale(calibration)

    def read(self, sweep: Sweep) -> Sample | None:
        """None when a servo did not answer: half an arm is no state."""
        servos = [sweep.servos[servo_id] for servo_id in self.ids]
        states = [servo for servo in servos if isinstance(servo, ServoState)]
        if len(states) < NUM_JOINTS:
            return None
        position, velocity, load, voltage, temperature, current, _, faults = (
            list(column) for column in zip(*states, strict=True)
        )
        return Sample(
            sweep.stamp_ns,
            position,
            self.scale.rad_from_ticks(position).tolist(),
            self.scale.rad_s_from_ticks_s(velocity).tolist(),
            load,
            current,
            voltage,
            temperature,
            faults,
        )

    def missing(self, sweep: Sweep) -> dict[int, ServoError]:
        """Joints without an answer, by index, with the reason."""
        errors = sweep.errors
        return {joint: errors[servo_id] for joint, servo_id in enumerate(self.ids) if servo_id in errors}
