"""One trip to the home pose at a time: who asked, until when, and how it ended."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future

from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES
from so_arm.hardware.driver.sample import Sample

#: A joint sags by up to 0.07 rad under gravity.
_NEAR_RAD = 0.15
#: Once the goal is at home, the arm follows within that time; what the whole trip may take beyond the motion itself.
_FOLLOW_S, _EXTRA_S = 2.0, 5.0


class Homing:
    """`pose`: (6,) [rad]. Used by the bus thread; its futures may be waited for by others."""

    def __init__(self, pose: Sequence[float], velocity: float) -> None:
        self.pose = pose
        self._velocity = velocity
        self.still_there = False  #: it got there and has only held since
        self._asked: Future[str] | None = None
        self._until_s = self._arrived_until_s = 0.0

    @property
    def active(self) -> bool:
        return self._asked is not None

    def begin(self, asked: Future[str], position: Sequence[float], now_s: float) -> None:
        """`asked` gets a line when the arm is there, or UserError with the reason why not."""
        self.cancel("asked again")
        self.still_there = False
        self._asked = asked
        farthest = max(abs(q - p) for q, p in zip(self.pose, position, strict=True))
        self._until_s = now_s + farthest / self._velocity + _EXTRA_S
        self._arrived_until_s = 0.0

    def begins_at(self, position: Sequence[float]) -> bool:
        """Whether an arm at `position` (6,) [rad] is where work begins: driven home, and left there."""
        near = all(abs(q - p) <= _NEAR_RAD for q, p in zip(self.pose, position, strict=True))
        return self.still_there and near

    def watch(self, arrived: bool, sample: Sample, now_s: float) -> None:
        """arrived: the goal is at home."""
        if not arrived or self._asked is None:
            return
        self._arrived_until_s = self._arrived_until_s or now_s + _FOLLOW_S
        off = [abs(q - p) for q, p in zip(self.pose, sample.position, strict=True)]
        if max(off) <= _NEAR_RAD:
            asked, self._asked = self._asked, None
            self.still_there = True
            asked.set_result("at home")
        elif now_s > self._arrived_until_s:
            self.cancel(f"{JOINT_NAMES[off.index(max(off))]} is {max(off):.2f} rad away from home and does not get on")

    def check_time(self, now_s: float, why: str) -> None:
        """why: what the arm is doing instead."""
        if self._asked is not None and now_s > self._until_s:
            self.cancel(f"not at home in time: {why}")

    def cancel(self, reason: str) -> None:
        asked, self._asked = self._asked, None
        if asked is not None:
            asked.set_exception(UserError(reason))
