"""Numbers that summarise measurements: intervals for rates, percentiles for times."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike


def wilson_interval(successes: int, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson score interval (low, high) of a success rate, both in [0, 1]; (0, 1) when nothing was tried."""
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n}: expected 0 <= successes <= n")
    if not 0.0 < confidence < 1.0:
        raise ValueError(f"confidence {confidence}: expected a value between 0 and 1")
    if n == 0:
        return 0.0, 1.0
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    rate, spread = successes / n, z * z / n
    centre = (rate + spread / 2) / (1 + spread)
    half = z / (1 + spread) * math.sqrt(rate * (1 - rate) / n + spread / (4 * n))
    # At 0 and n successes the bound is exact; the formula misses it by rounding.
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return low, high


def excess_p(found: int, tried: int, all_found: int, all_tried: int) -> float:
    """One-sided p of Fisher's exact test: `tried` of `all_tried` cases drawn by chance hold `found` or more.

    all_found: how many of all cases there are to be found.
    """
    if not (0 <= found <= tried <= all_tried and found <= all_found <= all_tried):
        raise ValueError(f"{found} of {tried} among {all_found} of {all_tried}: expected parts of the whole")
    ways = sum(
        math.comb(all_found, number) * math.comb(all_tried - all_found, tried - number)
        for number in range(found, min(tried, all_found) + 1)
    )
    return ways / math.comb(all_tried, tried)


def percentiles(values: ArrayLike, ranks: Sequence[float] = (50.0, 99.0)) -> tuple[float, ...]:
    """Percentiles of `values` (any shape) at `ranks` [0..100], linear between samples; NaN for no values."""
    samples = np.asarray(values, dtype=np.float64).ravel()
    if samples.size == 0:
        return tuple(math.nan for _ in ranks)
    return tuple(float(value) for value in np.percentile(samples, ranks))


def mean(values: ArrayLike) -> float:
    """Arithmetic mean; NaN for no values (and no warning)."""
    samples = np.asarray(values, dtype=np.float64)
    return float(samples.mean()) if samples.size else math.nan


def median_interval(values: ArrayLike, confidence: float = 0.95, draws: int = 2000) -> tuple[float, float]:
    """Bootstrap interval (low, high) of the median of `values` (n,); the same values give the same interval."""
    return _bootstrap(values, np.median, confidence, draws)


def mean_interval(values: ArrayLike, confidence: float = 0.95, draws: int = 2000) -> tuple[float, float]:
    """Bootstrap interval (low, high) of the mean of `values` (n,); the same values give the same interval."""
    return _bootstrap(values, np.mean, confidence, draws)


def _bootstrap(
    values: ArrayLike, statistic: Callable[..., np.ndarray], confidence: float, draws: int
) -> tuple[float, float]:
    samples = np.asarray(values, dtype=np.float64)
    if samples.ndim != 1 or samples.size == 0:
        raise ValueError(f"bootstrap interval of an array of shape {samples.shape}: expected (n,) with n above 0")
    drawn = np.random.default_rng(0).choice(samples, (draws, samples.size))
    outside = 50.0 * (1.0 - confidence)
    low, high = percentiles(statistic(drawn, axis=1), (outside, 100.0 - outside))
    return low, high
