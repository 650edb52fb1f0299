"""Collects an `EpisodeRecord` while its episode runs."""

from __future__ import annotations

import numpy as np

from so_arm.core.episode_record import EpisodeRecord
from so_arm.core.joints import NUM_JOINTS


class EpisodeRecorder:
    """One episode at a time: `begin`, then `add` per control tick, then `record`."""

    def __init__(self) -> None:
        self.begin(np.empty(0))

    def begin(self, snapshot: np.ndarray) -> None:
        """snapshot: (n,) the initial scene configuration."""
        self._snapshots = [snapshot]
        self._position: list[np.ndarray] = []
        self._action: list[np.ndarray] = []
        self._reward: list[float] = []
        self._times: list[tuple[int, int, int]] = []

    def add(
        self,
        position: np.ndarray,
        action: np.ndarray,
        reward: float,
        times: tuple[int, int, int],
        snapshot: np.ndarray,
    ) -> None:
        """position: (6,) [rad] before the tick; action: (6,) [rad]; snapshot: (n,) after the tick.

        times: stamp, latency and steady clock of the observation [ns], as in `EpisodeRecord`.
        """
        self._position.append(position)
        self._action.append(action)
        self._reward.append(reward)
        self._times.append(times)
        self._snapshots.append(snapshot)

    def record(self) -> EpisodeRecord:
        stamp, latency, wall = np.array(self._times, dtype=np.int64).reshape(-1, 3).T
        return EpisodeRecord(
            snapshots=np.array(self._snapshots),
            joint_position=np.array(self._position).reshape(-1, NUM_JOINTS),
            action=np.array(self._action).reshape(-1, NUM_JOINTS),
            reward=np.array(self._reward),
            stamp_ns=stamp,
            latency_ns=latency,
            wall_ns=wall,
        )
