"""Which episodes a residual training run is made of: others than any other run's, and than those that judge."""

from __future__ import annotations

#: Seeds of episodes to learn from begin here, far from those that policies are judged on.
FIRST_SEED = 1_000_000_000
SEEDS_PER_RUN = 10_000_000
#: The episodes that choose the best residual: neither learned from nor those that policies are judged on.
SELECTION_SEED = 50_000


def first_seed(run_seed: int) -> int:
    """Of the `SEEDS_PER_RUN` seeds of the run with this seed, 0 to 99."""
    return FIRST_SEED + run_seed * SEEDS_PER_RUN
