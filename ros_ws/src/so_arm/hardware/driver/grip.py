"""The gripper squeezes no harder than it can keep up: its goal is pulled back towards where the jaw is.

A servo turns the distance between goal and position into torque, so the distance is what is limited.
"""

from __future__ import annotations

import math

from so_arm.core.joints import GRIPPER
from so_arm.hardware.driver.sample import Sample


class GripGuard:
    """`limit`: how much further closed than the jaw is the goal may be [rad]; infinite while nothing is squeezed."""

    #: The servo itself bears 2 s before its protection latches. What is carried for a moment is held with all there is:
    #: with less, one cube in five was dropped on its way.
    PATIENCE_S = 1.5
    GONE_S = 0.5
    STILL_RAD_S = 0.3
    SMALLEST_RAD = 0.02
    #: Share of the limit that is taken away, or given back, per second.
    PULL_PER_S, YIELD_PER_S = 8.0, 1.0
    #: Below that share of the load limit more squeeze is allowed again, and below the other one the object is gone.
    EASY, GONE = 0.7, 0.3

    def __init__(self, load_limit: float, period_s: float) -> None:
        self._load_limit, self._period_s = load_limit, period_s
        self._hard_since_s: float | None = None
        self._gone_since_s: float | None = None
        self.limit = math.inf
        self.backoffs = 0

    @property
    def active(self) -> bool:
        return self.limit < math.inf

    def update(self, sample: Sample, goal: float, now_s: float) -> None:
        """goal: of the gripper, on the wire [rad]."""
        load, jaw = abs(sample.load[GRIPPER]), sample.position[GRIPPER]
        squeeze = jaw - goal
        still = abs(sample.velocity[GRIPPER]) < self.STILL_RAD_S
        hard = load >= self._load_limit and still and squeeze > 0
        self._hard_since_s = (self._hard_since_s or now_s) if hard else None
        if not self.active:
            if self._hard_since_s is not None and now_s - self._hard_since_s >= self.PATIENCE_S:
                self.limit, self._gone_since_s = max(squeeze, self.SMALLEST_RAD), None
                self.backoffs += 1
            return
        gone = load < self.GONE * self._load_limit
        self._gone_since_s = (self._gone_since_s or now_s) if gone else None
        if hard:
            self.limit = max(self.SMALLEST_RAD, self.limit * (1 - self.PULL_PER_S * self._period_s))
        elif load < self.EASY * self._load_limit:
            self.limit *= 1 + self.YIELD_PER_S * self._period_s
        if self._gone_since_s is not None and now_s - self._gone_since_s >= self.GONE_S:
            self.limit = math.inf

    def held_back(self, wanted: float, sample: Sample) -> float:
        """`wanted` of the gripper [rad], no further closed than allowed. Opening ends the limit."""
        lowest = sample.position[GRIPPER] - self.limit
        if self.active and wanted > sample.position[GRIPPER]:
            self.limit = math.inf
        return max(wanted, lowest)
