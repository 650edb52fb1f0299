"""The driver's logic with an arm that lags behind its goals, on a clock of its own."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from so_arm.core.calibration import Calibration, nominal_calibration
from so_arm.core.joints import MAX_VELOCITY_RAD_S, NUM_JOINTS
from so_arm.core.poses import HOME_POSE
from so_arm.core.ticks import TickScale
from so_arm.hardware.driver.logic import ArmLogic, Order
from so_arm.hardware.driver.sample import Sample
from so_arm.hardware.driver.settings import DriverSettings
from so_arm.hardware.driver.status import Mode
from so_arm.hardware.feetech.errors import ServoFault

#: Bounded by the velocity limit, with room for rounding.
LARGEST_STEP_RAD = float(MAX_VELOCITY_RAD_S[0]) * 0.01 + 1e-9


class FakeArm:
    """Runs cycles of 10 ms. Joints with torque follow their goal with a time constant, at most 5 rad/s.

    Attributes that start with `read_` or are given per joint change what the servos answer.
    """

    def __init__(self, pose: Sequence[float] = HOME_POSE, **settings: Any) -> None:
        self.settings = DriverSettings("fake", **settings)
        self.calibration: Calibration = nominal_calibration()
        self.logic = ArmLogic(self.settings, self.calibration)
        self.scale = TickScale(self.calibration)
        self.now_s = 1000.0
        self.pose = np.array(pose, dtype=float)
        self.torque = [False] * NUM_JOINTS
        self.blocked: dict[int, float] = {}
        self.load = np.zeros(NUM_JOINTS)
        self.current = np.zeros(NUM_JOINTS)
        self.voltage = np.full(NUM_JOINTS, 7.4)
        self.temperature = [30] * NUM_JOINTS
        self.faults = [ServoFault(0)] * NUM_JOINTS
        self.slip = np.zeros(NUM_JOINTS, dtype=int)  #: ticks
        self.silent = False
        self.published = 0
        self.order = Order(None, None)
        self.cleared: list[int] = []
        self.goals: list[list[float] | None] = []
        self.modes: list[Mode] = []

    def cycle(self, command: Sequence[float] | None = None) -> Order:
        accepted = None if command is None or self.logic.refusal() else self.logic.gate.within_limits(command)[0]
        self.order = order = self.logic.decide(self.now_s, accepted, self.torque)
        before = self.pose.copy()
        if order.goal is not None:
            wanted = 0.25 * (np.array(order.goal) - (self.pose + self._slip_rad()))
            self.pose += np.where(self.torque, np.clip(wanted, -0.05, 0.05), 0.0)
        for joint, at in self.blocked.items():
            self.pose[joint] = at
        self.goals.append(order.goal)
        self.modes.append(self.logic.mode)
        self.cleared += order.clear
        self.now_s += 0.01
        self._answer((self.pose - before) / 0.01, order.goal)
        for joint in order.clear:
            self.torque[joint] = False
        if order.torque is not None:
            self.torque = list(order.torque)
        return order

    def run(self, seconds: float, command: Callable[[float], Sequence[float]] | Sequence[float] | None = None) -> None:
        """Commands, if any, come in every third cycle; a callable gets the seconds since the begin."""
        for k in range(round(seconds * 100)):
            wanted = command(k * 0.01) if callable(command) else command
            self.cycle(wanted if k % 3 == 0 else None)

    @property
    def goal(self) -> np.ndarray:
        goal = self.goals[-1]
        assert goal is not None
        return np.array(goal)

    @property
    def kinds(self) -> list[str]:
        return [trouble.kind for trouble in self.logic.troubles(self.now_s)]

    def steps(self, since: int = 0) -> float:
        """Largest change of a goal between two cycles [rad]."""
        goals = self.goals[since:]
        pairs = [(a, b) for a, b in itertools.pairwise(goals) if a is not None and b is not None]
        return max(float(np.abs(np.subtract(b, a)).max()) for a, b in pairs)

    def _slip_rad(self) -> np.ndarray:
        return self.scale.rad_from_ticks(self.slip) - self.scale.rad_from_ticks(np.zeros(NUM_JOINTS))

    def _answer(self, velocity: np.ndarray, goal: list[float] | None) -> None:
        if self.silent:
            self.logic.health.lost("shoulder_pan: servo 1: no answer")
            return
        ticks = np.rint(self.scale.exact_ticks_from_rad(self.pose)).astype(int) + self.slip
        sample = Sample(
            round(self.now_s * 1e9),
            ticks.tolist(),
            self.scale.rad_from_ticks(ticks).tolist(),
            velocity.tolist(),
            self.load.tolist(),
            self.current.tolist(),
            self.voltage.tolist(),
            list(self.temperature),
            list(self.faults),
        )
        held = [None] * NUM_JOINTS if goal is None else self.scale.ticks_from_rad(goal).tolist()
        held = [tick if on else None for tick, on in zip(held, self.torque, strict=True)]
        self.published += self.logic.health.saw(sample, self.now_s, held, goal)


def following_arm(**settings: object) -> FakeArm:
    """At home, following."""
    arm = FakeArm(**settings)
    arm.run(1.0, np.array(HOME_POSE))
    assert arm.logic.mode is Mode.FOLLOWING
    return arm
