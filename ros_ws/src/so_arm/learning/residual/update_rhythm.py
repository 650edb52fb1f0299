"""After how many ticks how many updates are made, for an algorithm that makes whole updates after whole ticks."""

from __future__ import annotations

import math
from fractions import Fraction

from so_arm.core.errors import UserError

_MOST_TICKS = 100


def update_rhythm(updates_per_step: float) -> tuple[int, int]:
    """(ticks, updates) whose ratio is `updates_per_step` (> 0) exactly; UserError with the nearest that exist."""
    wanted, waits = Fraction(updates_per_step), range(1, _MOST_TICKS + 1)
    below = max(Fraction(math.floor(wanted * ticks), ticks) for ticks in waits)
    above = min(Fraction(math.ceil(wanted * ticks), ticks) for ticks in waits)
    for ratio in (below, above):
        if float(ratio) == updates_per_step:
            return ratio.denominator, ratio.numerator
    nearest = " and ".join(str(float(ratio)) for ratio in (below, above) if ratio > 0)
    raise UserError(
        f"updates_per_step is {updates_per_step}, expected whole updates per at most {_MOST_TICKS} ticks; "
        f"nearest: {nearest}"
    )
