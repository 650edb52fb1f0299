"""Two treatments of the same cases, compared case by case."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from so_arm.core.statistics import mean, mean_interval, percentiles, wilson_interval

#: Enough for the second digit of an interval to stand still.
DRAWS = 10_000


@dataclass(frozen=True)
class PairedSuccess:
    """What became of the cases. fixed: failed before, succeeded after; broken: the other way round."""

    fixed: int
    broken: int
    difference: float  #: success rate after - before
    difference_ci95: tuple[float, float]  #: paired bootstrap
    mcnemar_p: float  #: exact, two-sided
    failure_ratio: float | None  #: failure rate after / before, None where nothing failed before
    #: Paired bootstrap over the draws with a failure before. Where nothing failed after, no draw tells how rare that
    #: is: then up to the upper limit of Wilson's interval of the failure rate, by the rate before.
    failure_ratio_ci95: tuple[float, float] | None


def paired_success(before: Sequence[bool], after: Sequence[bool]) -> PairedSuccess:
    """Success of the same cases before and after, (n,) each with n above 0. The same cases give the same intervals."""
    if len(before) != len(after) or not before:
        raise ValueError(f"{len(before)} cases before, {len(after)} after: expected the same cases, at least one")
    first, second = np.asarray(before, dtype=bool), np.asarray(after, dtype=bool)
    fixed, broken = int((~first & second).sum()), int((first & ~second).sum())
    failed = int((~first).sum())
    return PairedSuccess(
        fixed=fixed,
        broken=broken,
        difference=(fixed - broken) / len(first),
        difference_ci95=mean_interval(second.astype(float) - first, draws=DRAWS),
        mcnemar_p=mcnemar_p(fixed, broken),
        failure_ratio=int((~second).sum()) / failed if failed else None,
        failure_ratio_ci95=_ratio_interval(~second, ~first) if failed else None,
    )


def mcnemar_p(fixed: int, broken: int) -> float:
    """Exact two-sided p of McNemar's test: were changes in either direction equally likely?

    The probability under a fair coin of a split of the changed cases at least as uneven; 1 where nothing changed.
    """
    if fixed < 0 or broken < 0:
        raise ValueError(f"{fixed} fixed, {broken} broken: expected counts")
    changed = fixed + broken
    tail = sum(math.comb(changed, fewer) for fewer in range(min(fixed, broken) + 1))
    return min(1.0, 2 * tail / 2**changed)


def paired_mean_difference(before: ArrayLike, after: ArrayLike) -> tuple[float, tuple[float, float]]:
    """Mean of `after` - `before`, (n,) each, and its 95 % bootstrap interval, the same for the same values."""
    differences = np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64)
    return mean(differences), mean_interval(differences, draws=DRAWS)


def _ratio_interval(numerator: np.ndarray, denominator: np.ndarray) -> tuple[float, float]:
    """95 % interval of sum(numerator) / sum(denominator), (n,) bool each, over draws of the n cases."""
    if not numerator.any():
        return 0.0, wilson_interval(0, len(numerator))[1] / float(denominator.mean())
    drawn = np.random.default_rng(0).integers(0, len(numerator), (DRAWS, len(numerator)))
    above, below = numerator[drawn].sum(axis=1), denominator[drawn].sum(axis=1)
    low, high = percentiles(above[below > 0] / below[below > 0], (2.5, 97.5))
    return low, high
