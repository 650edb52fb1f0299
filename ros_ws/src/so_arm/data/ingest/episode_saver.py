"""Episodes of a recording to their dataset: which are kept, which are dropped, and what is noted of each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Protocol

import numpy as np

from so_arm.core.episode_info import DISCARDED
from so_arm.core.recorder_status import CUT, REFUSED, SAVED
from so_arm.data.dataset_schema import INTERVENTION, REWARD, SUCCESS, recording_columns
from so_arm.data.ingest.episode_ingest import EpisodeReport, Row
from so_arm.data.ingest.settings import RecordingSettings

#: LeRobot has no statistics of less.
MIN_ROWS = 2


class Writer(Protocol):
    """The part of `DatasetWriter` that is needed here, whose import is slow."""

    def add_frame(
        self,
        state_rad: np.ndarray,
        action_rad: np.ndarray,
        images: dict[str, np.ndarray],
        more: dict[str, float | bool] | None = None,
    ) -> None: ...

    def save_episode(self, note: dict[str, object]) -> None: ...

    def discard_episode(self) -> None: ...


@dataclasses.dataclass(frozen=True)
class Fate:
    """What became of an episode. result: as /recorder/status says it. rows: frames in the dataset."""

    report: EpisodeReport
    result: str
    rows: int


class EpisodeSaver:
    """`row` and `end` are what an `EpisodeIngest` calls. on_saved: told the fate of each episode, once on disk."""

    def __init__(self, writer: Writer, settings: RecordingSettings, on_saved: Callable[[Fate], None]) -> None:
        self._writer, self._on_saved = writer, on_saved
        self._columns = recording_columns(settings.reward)

    def row(self, row: Row) -> None:
        values = {REWARD: row.reward, SUCCESS: row.success, INTERVENTION: row.intervention}
        more = {name: values[name] for name in self._columns}
        self._writer.add_frame(row.state, row.action, row.images, more)

    def end(self, report: EpisodeReport) -> None:
        if report.info.outcome == DISCARDED:
            self._drop(report, DISCARDED)
        elif report.rows < MIN_ROWS:
            self._drop(report, f"{REFUSED}: {report.cut or f'{report.rows} rows are too few'}")
        else:
            self._writer.save_episode(note_of(report))
            self._on_saved(Fate(report, f"{CUT}: {report.cut}" if report.cut else SAVED, report.rows))

    def _drop(self, report: EpisodeReport, result: str) -> None:
        self._writer.discard_episode()
        self._on_saved(Fate(report, result, 0))


def note_of(report: EpisodeReport) -> dict[str, object]:
    """What ``meta/so_arm.json`` keeps of an episode."""
    info = report.info
    return {
        "id": info.id,
        "seed": info.seed,
        "task": info.task,
        "start_stamp_ns": info.start_stamp_ns,
        "outcome": info.outcome,
        "failure": info.failure,
        "steps": report.rows,
        "reward": round(info.reward, 6),
        "lead": report.lead,
        "cut": report.cut,
        "streams": {topic: dataclasses.asdict(counts) for topic, counts in report.streams.items()},
    }
