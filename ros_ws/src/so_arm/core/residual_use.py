"""What a residual did over one episode: how much of its bound it used, and whether it kept to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from so_arm.core.joints import LOWER_RAD, NUM_JOINTS, UPPER_RAD
from so_arm.core.residual import residual_scale_rad

#: From this share of its bound on a residual counts as saturated: it would like to do more.
SATURATED_SHARE = 0.98
#: What rounding may add to a residual at its bound [share of the bound] and to an action at a limit [rad].
_ROUNDING = 1e-9

PerJoint = tuple[float, ...]


@dataclass(frozen=True)
class ResidualUse:
    """Per joint (6,), as shares 0..1 of the bound, which is 0 for a joint that may not be corrected.

    ticks: those with a residual. Shares of a residual that is not finite count as 0, and the tick as above the bound.
    """

    ticks: int
    rms: PerJoint
    largest: PerJoint
    saturated: PerJoint  #: share of the ticks
    above_bound: int  #: ticks with a residual above its bound, or not finite; must be 0
    pushed_outside: (
        int  #: ticks where the residual took an action beyond a joint limit that the base kept to; must be 0
    )


def residual_use(base: np.ndarray, residual: np.ndarray, bound: np.ndarray) -> ResidualUse:
    """base, residual: (T, 6) [rad] of the ticks that had an action. bound: (6,) share of each joint's half range."""
    ticks = len(residual)
    scale = residual_scale_rad(bound)
    size = np.abs(residual)
    # Asked this way round, because a comparison with NaN is false.
    above = ~(size <= scale * (1.0 + _ROUNDING)).all(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(np.isfinite(residual) & (scale > 0.0), size / scale, 0.0)
    action = base + residual
    pushed = (_inside(base) & ~_inside(action, _ROUNDING)).any(axis=1)
    if not ticks:
        share = np.zeros((1, NUM_JOINTS))
    return ResidualUse(
        ticks=ticks,
        rms=_numbers(np.sqrt((share**2).mean(axis=0))),
        largest=_numbers(share.max(axis=0)),
        saturated=_numbers((share >= SATURATED_SHARE).mean(axis=0)),
        above_bound=int(above.sum()),
        pushed_outside=int(pushed.sum()),
    )


def ticks_outside_limits(command: np.ndarray) -> int:
    """Ticks of joint targets `command` (T, 6) [rad] with a joint beyond its limits, or not finite."""
    return int((~_inside(command)).any(axis=1).sum())


def _inside(targets: np.ndarray, slack_rad: float = 0.0) -> np.ndarray:
    return (targets >= LOWER_RAD - slack_rad) & (targets <= UPPER_RAD + slack_rad)


def _numbers(values: np.ndarray) -> PerJoint:
    return tuple(float(value) for value in values)
