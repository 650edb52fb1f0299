"""Servos whose overload protection has latched: when to clear it, and when to give up."""

from __future__ import annotations

from so_arm.core.joints import JOINT_NAMES, NUM_JOINTS
from so_arm.hardware.driver.sample import Sample
from so_arm.hardware.feetech.errors import ServoFault

_NO_FAULTS = [ServoFault(0)] * NUM_JOINTS


class OverloadClearing:
    """A latch is cleared by switching that servo's torque off and on; after MAX_TRIES only a human may try again."""

    PAUSES_S = (0.3, 1.0, 3.0, 8.0, 20.0)
    CALM_S = 30.0  #: so long without a latch: tries are counted anew

    def __init__(self) -> None:
        self._tries = [0] * NUM_JOINTS
        self._due_s = [0.0] * NUM_JOINTS
        self._seen_s = [-1e9] * NUM_JOINTS
        self.latched: dict[int, float] = {}  #: joint -> where it was then [rad]
        self.latches = 0

    def update(self, sample: Sample, now_s: float) -> None:
        if sample.faults == _NO_FAULTS and not self.latched:
            return
        before = self.latched
        latched: dict[int, float] = {}
        for joint, bits in enumerate(sample.faults):
            if not bits & ServoFault.OVERLOAD:
                continue
            latched[joint] = before.get(joint, sample.position[joint])
            if joint not in before:
                self._begin(joint, now_s)
            self._seen_s[joint] = now_s
        self.latched = latched  # whole: other threads tell of it

    def _begin(self, joint: int, now_s: float) -> None:
        self.latches += 1
        if now_s - self._seen_s[joint] > self.CALM_S:
            self._tries[joint] = 0
        if not self.given_up(joint):
            self._due_s[joint] = now_s + self.PAUSES_S[self._tries[joint]]

    def due(self, now_s: float) -> list[int]:
        """Joints to be cleared now; each counts as tried."""
        found = [joint for joint in self.latched if not self.given_up(joint) and now_s >= self._due_s[joint]]
        for joint in found:
            self._tries[joint] += 1
            self._due_s[joint] = now_s + self.PAUSES_S[min(self._tries[joint], len(self.PAUSES_S) - 1)]
        return found

    def given_up(self, joint: int) -> bool:
        return self._tries[joint] >= len(self.PAUSES_S)

    def try_again(self) -> None:
        self._tries = [0] * NUM_JOINTS

    def text(self) -> str:
        names = ", ".join(JOINT_NAMES[joint] for joint in sorted(self.latched))
        if any(self.given_up(joint) for joint in self.latched):
            return f"{names}: overload protection latches again and again; clear the way, then call enable_torque"
        return f"{names}: overload protection has latched, being cleared"
