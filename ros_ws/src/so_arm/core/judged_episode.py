"""One episode as a comparison looks at it: the outcome, how far it came, how it moved, what the residual did."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from so_arm.core.episode import EpisodeResult
from so_arm.core.episode_info import SUCCESS
from so_arm.core.episode_phase import Phase
from so_arm.core.residual_use import ResidualUse


@dataclass(frozen=True, eq=False)
class JudgedEpisode:
    """phase: the furthest one reached. progress_s: time at which it was first reached, that is the last progress [s].

    smoothness: `core.smoothness.rms_acceleration` of the commanded joint targets [rad/s^2].
    outside_limits: ticks with a command beyond a joint limit; must be 0. residual: None without one.
    snapshots: (T + 1, n) float32, what the scene can be drawn from again.
    """

    result: EpisodeResult
    phase: Phase
    progress_s: float
    smoothness: float
    outside_limits: int
    residual: ResidualUse | None
    snapshots: np.ndarray

    @property
    def outcome(self) -> str:
        """The failure kind, or ``success``."""
        return SUCCESS if self.result.success else self.result.failure or "failure"
