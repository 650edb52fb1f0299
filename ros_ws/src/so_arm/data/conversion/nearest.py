"""The nearest stamps to given moments, for streams that are in memory as a whole."""

from __future__ import annotations

import numpy as np


def nearest(stamps_ns: np.ndarray, moments_ns: np.ndarray, tolerance_ns: int) -> np.ndarray:
    """Index into `stamps_ns` (n,), which rise, of the one nearest to each of `moments_ns` (T,); -1 for none.

    The earlier of two equally near, and none that is farther than the tolerance: the rule of `FrameGrid`.
    """
    if not len(stamps_ns):
        return np.full(len(moments_ns), -1)
    after = np.searchsorted(stamps_ns, moments_ns).clip(0, len(stamps_ns) - 1)
    before = (after - 1).clip(0)
    to_before, to_after = np.abs(stamps_ns[before] - moments_ns), np.abs(stamps_ns[after] - moments_ns)
    chosen = np.where(to_before <= to_after, before, after)
    return np.where(np.minimum(to_before, to_after) <= tolerance_ns, chosen, -1)
