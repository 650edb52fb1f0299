"""What a reward source gave along one recorded episode."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class RewardTrace:
    """source: name of the reward, or "recorded". values: (T,) earned by each tick; None where there is no reward.

    success: whether the source took the task for done at the end; None when it does not say. reason: why something
    is missing, "" when nothing is.
    """

    source: str
    values: np.ndarray | None
    success: bool | None = None
    reason: str = ""
