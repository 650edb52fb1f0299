"""Collects an `EpisodeRecord` while its episode runs."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from so_arm.core.episode_record import EpisodeRecord
from so_arm.core.joints import NUM_JOINTS


class RecordedTick(NamedTuple):
    """One control tick."""

    position: np.ndarray  #: (6,) [rad] before the tick
    action: np.ndarray  #: (6,) [rad]
    reward: float
    times: tuple[int, int, int]  #: stamp, latency and steady clock of the observation [ns], as in `EpisodeRecord`
    snapshot: np.ndarray  #: (n,) after the tick


class EpisodeRecorder:
    """One episode at a time: `begin`, then `add` per control tick, then `record`."""

    def __init__(self) -> None:
        self.begin(np.empty(0))

    def begin(self, snapshot: np.ndarray) -> None:
        """snapshot: (n,) the initial scene configuration."""
        self._first = snapshot
        self._ticks: list[RecordedTick] = []

    def add(self, tick: RecordedTick) -> None:
        self._ticks.append(tick)

    def record(self) -> EpisodeRecord:
        ticks = self._ticks
        stamp, latency, wall = np.array([tick.times for tick in ticks], dtype=np.int64).reshape(-1, 3).T
        return EpisodeRecord(
            snapshots=np.array([self._first, *(tick.snapshot for tick in ticks)]),
            joint_position=np.array([tick.position for tick in ticks]).reshape(-1, NUM_JOINTS),
            action=np.array([tick.action for tick in ticks]).reshape(-1, NUM_JOINTS),
            reward=np.array([tick.reward for tick in ticks]),
            stamp_ns=stamp,
            latency_ns=latency,
            wall_ns=wall,
        )
