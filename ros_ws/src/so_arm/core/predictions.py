"""What a policy answered to the observations of one recorded episode."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from so_arm.core.joints import NUM_JOINTS


@dataclass(frozen=True, eq=False)
class Predictions:
    """T control ticks, in radians.

    chunks: (tick of the observation that it answers, steps (n, 6)); step i is meant for tick + i.
    base: (T, 6) the step of the chunk that answers each tick. residual: (T, 6) what was added to it.
    action: (T, 6) their sum. The three are NaN at ticks that no chunk answers.
    fresh: (T,) whether the chunk was there in time: no new one was due at the tick, or it had come.
    delay: ticks from the observation of a chunk to the first tick that it could answer.
    """

    chunks: list[tuple[int, np.ndarray]]
    base: np.ndarray
    residual: np.ndarray
    action: np.ndarray
    fresh: np.ndarray
    delay: int = 0

    def __post_init__(self) -> None:
        ticks = len(self.fresh)
        for name in ("base", "residual", "action"):
            if getattr(self, name).shape != (ticks, NUM_JOINTS):
                raise ValueError(f"{name} has shape {getattr(self, name).shape}, expected {(ticks, NUM_JOINTS)}")
