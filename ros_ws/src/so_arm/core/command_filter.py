"""The one gate in front of the arm, real and simulated: what a command may ask for, and why it was changed.

Checks, in this order: finite, complete, not stale, position limits, step (velocity) limit relative to the
previous filtered target. The first three refuse the command, and the previous target stays; the last two
bend it to the limit. Comparisons are written ``not (lo <= q <= hi)`` so that NaN fails them.

Plain floats instead of numpy: the filter runs inside every simulation step.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES, NUM_JOINTS


class Filtered(NamedTuple):
    """A command that may be sent."""

    position: np.ndarray  #: (6,) [rad]
    reasons: tuple[str, ...]  #: why it differs from what was asked; empty when it does not


def is_fresh(stamp_ns: int, now_ns: int, stale_after_ns: int) -> bool:
    """A command that answers `stamp_ns` may be used at `now_ns`: not too old, and not from the future."""
    return 0 <= now_ns - stamp_ns <= stale_after_ns


class CommandFilter:
    """Filters joint targets (6,) [rad] in ``JOINT_NAMES`` order, one call per control tick.

    lower, upper: position limits (6,) [rad]. max_velocity: (6,) [rad/s]. period_s: time between calls [s].
    stale_after_ns: commands older than this are refused (only when `apply` is told the times); 0 = never.
    """

    def __init__(
        self,
        lower: Sequence[float] | np.ndarray,
        upper: Sequence[float] | np.ndarray,
        max_velocity: Sequence[float] | np.ndarray,
        period_s: float,
        stale_after_ns: int = 0,
    ) -> None:
        self.lower = _finite_six(lower, "lower limits")
        self.upper = _finite_six(upper, "upper limits")
        velocity = _finite_six(max_velocity, "velocity limits")
        if not all(low <= high for low, high in zip(self.lower, self.upper, strict=True)):
            raise UserError(f"lower limits {self.lower} exceed upper limits {self.upper}")
        if not (period_s > 0.0 and all(v > 0.0 for v in velocity)):
            raise UserError(f"period {period_s} s and velocity limits {velocity} must be more than 0")
        self._max_step = tuple(v * period_s for v in velocity)
        self._stale_after_ns = stale_after_ns
        self._previous: list[float] | None = None

    def reset(self, measured: Sequence[float] | np.ndarray) -> None:
        """Start, or take over, from the measured pose (6,) [rad]: targets move away from it step by step."""
        self._previous = list(_finite_six(measured, "measured pose"))

    def apply(
        self,
        position: Sequence[float] | np.ndarray,
        stamp_ns: int | None = None,
        now_ns: int | None = None,
    ) -> Filtered:
        """Filter one command (6,) [rad], answering `stamp_ns`, applied at `now_ns`."""
        previous = self._previous
        if previous is None:
            raise RuntimeError("CommandFilter.apply before reset(measured)")
        values: list[float] = position.tolist() if isinstance(position, np.ndarray) else list(position)
        if len(values) != NUM_JOINTS or self._is_stale(stamp_ns, now_ns):
            return self._refuse(*self.why_refused(values, stamp_ns, now_ns))
        for q, p, low, high, step in zip(values, previous, self.lower, self.upper, self._max_step, strict=True):
            if not (low <= q <= high and p - step <= q <= p + step):
                return self._bend(values, previous)
        self._previous = values
        return Filtered(np.array(values), ())

    def why_refused(self, values: Sequence[float], stamp_ns: int | None, now_ns: int | None) -> list[str]:
        """Why `apply` would refuse a command of these `values` [rad]; empty when it would not."""
        reasons = [
            f"{name} is not finite" for name, q in zip(JOINT_NAMES, values, strict=False) if not math.isfinite(q)
        ]
        if len(values) != NUM_JOINTS:
            reasons.append(f"command has {len(values)} joints, expected {NUM_JOINTS}")
        if self._is_stale(stamp_ns, now_ns):
            assert stamp_ns is not None and now_ns is not None
            reasons.append("command is from the future" if stamp_ns > now_ns else "command is stale")
        return reasons

    def within_limits(self, values: Sequence[float]) -> tuple[list[float], list[str]]:
        """Finite `values` (6) [rad] bent to the position limits, and which of them were."""
        bent: list[float] = []
        reasons: list[str] = []
        for name, q, low, high in zip(JOINT_NAMES, values, self.lower, self.upper, strict=True):
            if not low <= q <= high:
                side, q = ("lower", low) if q < low else ("upper", high)
                reasons.append(f"{name} beyond its {side} limit")
            bent.append(q)
        return bent, reasons

    def _is_stale(self, stamp_ns: int | None, now_ns: int | None) -> bool:
        if not self._stale_after_ns or stamp_ns is None or now_ns is None:
            return False
        return not is_fresh(stamp_ns, now_ns, self._stale_after_ns)

    def _refuse(self, *reasons: str) -> Filtered:
        if self._previous is None:
            raise RuntimeError("CommandFilter.apply before reset(measured)")
        return Filtered(np.array(self._previous), reasons)

    def _bend(self, values: list[float], previous: list[float]) -> Filtered:
        refused = self.why_refused(values, None, None)
        if refused:
            return self._refuse(*refused)
        target, reasons = self.within_limits(values)
        for i, (q, p, step) in enumerate(zip(target, previous, self._max_step, strict=True)):
            if not p - step <= q <= p + step:
                target[i] = p - step if q < p else p + step
                reasons.append(f"{JOINT_NAMES[i]} faster than its velocity limit")
        self._previous = target
        return Filtered(np.array(target), tuple(reasons))


def _finite_six(values: Sequence[float] | np.ndarray, what: str) -> tuple[float, ...]:
    numbers = tuple(float(value) for value in values)
    if len(numbers) != NUM_JOINTS:
        raise UserError(f"{what}: {len(numbers)} values, expected {NUM_JOINTS}")
    for name, number in zip(JOINT_NAMES, numbers, strict=True):
        if not math.isfinite(number):
            raise UserError(f"{what}: {name} is {number}")
    return numbers
