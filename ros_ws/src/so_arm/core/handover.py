"""Bumpless motion from where the arm is to what is asked of it: bounded steps until they meet."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


class Handover:
    """Approaches a moving target from a pose, each joint by at most `max_step` [rad] per call, until it is met.

    Before `start` and after the target was met, targets pass unchanged. Poses are sequences of joint angles [rad].
    """

    def __init__(self, max_step: float) -> None:
        self._max_step = max_step
        self._pose: list[float] = []
        self.active = False

    def start(self, pose: Iterable[float]) -> None:
        """The next steps start from `pose`."""
        self._pose = list(pose)
        self.active = True

    def stop(self) -> None:
        self.active = False

    def step(self, wanted: Sequence[float]) -> list[float]:
        """The pose one step nearer to `wanted`; `wanted` itself once it is met."""
        if not self.active:
            return list(wanted)
        step = self._max_step
        self._pose = [min(max(q, p - step), p + step) for q, p in zip(wanted, self._pose, strict=True)]
        self.active = self._pose != list(wanted)
        return self._pose


def step_together(pose: Sequence[float], target: Sequence[float], max_step: float) -> list[float]:
    """`pose` one step nearer to `target` on the straight line between them; the joint farthest off goes `max_step`."""
    farthest = max(abs(q - p) for q, p in zip(target, pose, strict=True))
    if farthest <= max_step:
        return list(target)
    share = max_step / farthest
    return [p + share * (q - p) for q, p in zip(target, pose, strict=True)]
