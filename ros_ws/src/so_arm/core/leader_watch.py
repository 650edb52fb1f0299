"""The pose of a leader arm, as long as it can be relied on."""

from __future__ import annotations

import math

import numpy as np


class LeaderWatch:
    """timeout_s: a pose that came longer ago is not followed. Times are of a steady clock [s]."""

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._position: np.ndarray | None = None
        self._heard_s = -math.inf

    def hear(self, position: np.ndarray, now_s: float) -> bool:
        """Note a pose (6,) [rad]; False, and it is not noted, when it is not finite."""
        if not np.isfinite(position).all():
            return False
        self._position, self._heard_s = position, now_s
        return True

    def position(self, now_s: float) -> np.ndarray | None:
        """The pose to follow; None when there is none, or none that is fresh."""
        return self._position if now_s - self._heard_s <= self._timeout_s else None

    def problem(self, now_s: float) -> str:
        """Why there is no pose to follow; empty when there is one."""
        if self._position is None:
            return "no leader arm: nothing good came on leader/joint_states yet; is its driver running?"
        silent_s = now_s - self._heard_s
        return "" if silent_s <= self._timeout_s else f"the leader arm is silent for {silent_s:.1f} s"
