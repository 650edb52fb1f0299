"""An `EpisodeSequence` that keeps a record of every episode, tick by tick."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from pathlib import Path

import numpy as np

from so_arm.core.episode_info import DISCARDED, EpisodeInfo
from so_arm.core.episode_record import NO_ANSWER, EpisodeRecord, record_path
from so_arm.core.episode_recorder import EpisodeRecorder, RecordedTick
from so_arm.core.episode_sequence import EpisodeSequence
from so_arm.core.statistics import percentiles


class EpisodeKeeper(EpisodeSequence):
    """record_dir: where finished episodes are written as `EpisodeRecord`s; None = nowhere."""

    def __init__(
        self, task: str, seed: int, announce: Callable[[EpisodeInfo], None], record_dir: Path | None = None
    ) -> None:
        super().__init__(task, seed, announce)
        self._record_dir = record_dir
        self._recorder = EpisodeRecorder()

    def start(self, stamp_ns: int, snapshot: np.ndarray) -> str:
        """Begin the episode of the next seed; snapshot: (n,) its initial scene."""
        self.check_none_runs()
        self._recorder.begin(snapshot)
        return self.begin(stamp_ns)

    def add(self, tick: RecordedTick) -> None:
        self._recorder.add(tick)

    def finish(self, outcome: str, failure: str = "") -> str:
        """End the running episode and write its record, unless it is discarded; says what was done."""
        self.check_one_runs()
        record = self._recorder.record()
        try:
            if self._record_dir is not None and outcome != DISCARDED:
                record.save(record_path(self._record_dir, self.info.seed))
        finally:  # a full disk costs the record, not the end of the episode
            said = self.end(outcome, failure, _return(record), len(record.reward), _latency_ms(record))
        return said


def _return(record: EpisodeRecord) -> float:
    # Tick by tick, as evaluations add it up: the same to the last bit.
    return functools.reduce(operator.add, record.reward.tolist(), 0.0)


def _latency_ms(record: EpisodeRecord) -> tuple[float, float]:
    p50_ns, p99_ns = percentiles(record.latency_ns[record.latency_ns != NO_ANSWER])
    return p50_ns * 1e-6, p99_ns * 1e-6
