"""Adam's moments of units that have died, which would slow every step down."""

from __future__ import annotations

import torch

_NOUGHT = 1e-30  # adds nothing to any weight, by far; a hundred steps later it is still no denormal number
_STEPS = 100


def drop_dead_moments(optimiser: torch.optim.Adam) -> None:
    """Set moments to nought that are as good as nought. To be called after every step; every hundredth counts.

    Those of a unit without gradient shrink by a tenth per step until rounding holds them, as denormal numbers, on
    which arithmetic is many times as slow: some hundred dead units make a step of Adam take several times as long.
    """
    for state in optimiser.state.values():
        if int(state["step"]) % _STEPS:
            continue
        for name in ("exp_avg", "exp_avg_sq"):
            moments = state[name]
            moments.masked_fill_(moments.abs() < _NOUGHT, 0.0)
