"""What a residual training run tells of itself: one line of metrics per round, TensorBoard, the best so far."""

from __future__ import annotations

import json
import math
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, Self

from so_arm.core import files
from so_arm.core.statistics import mean
from so_arm.learning.event_file import EventFile
from so_arm.learning.residual.episodes import Episode, Kind

METRICS_FILE = "metrics.jsonl"
_RECENT = 100


class Networks(Protocol):
    @property
    def updates(self) -> int: ...
    @property
    def losses(self) -> dict[str, float]: ...


class Learner(Protocol):
    """Where a run stands, e.g. `ResidualTrainer`."""

    @property
    def step(self) -> int: ...
    @property
    def episodes(self) -> int: ...
    @property
    def seconds(self) -> float: ...
    @property
    def estimate_error(self) -> float: ...
    @property
    def networks(self) -> Networks: ...


@dataclass(frozen=True)
class Judgement:
    """What an evaluation came to. at: step of the residual judged. steps: mean length of the successful episodes."""

    at: int
    success: float
    steps: float
    reward: float

    @classmethod
    def of(cls, episodes: Sequence[Episode], at: int) -> Self:
        return cls(
            at,
            mean([e.success for e in episodes]),
            mean([e.steps for e in episodes if e.success] or [0]),
            mean([e.episode_reward for e in episodes]),
        )

    def row(self) -> dict[str, float]:
        """By the names that TensorBoard shows."""
        return {
            "judged_step": self.at,
            "eval/success": self.success,
            "eval/episode_length": self.steps,
            "eval/episode_reward": self.reward,
        }

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Self | None:
        """Inverse of `row`; None when nothing was judged."""
        if "eval/success" not in row:
            return None
        return cls(
            row.get("judged_step", row["step"]),
            row["eval/success"],
            row["eval/episode_length"],
            row["eval/episode_reward"],
        )

    def better_than(self, other: Judgement | None) -> bool:
        """More successes; with as many, shorter ones."""
        return other is None or (self.success, -self.steps) > (other.success, -other.steps)


class Sink(Protocol):
    """Where metrics go besides ``metrics.jsonl``; a context."""

    def __enter__(self) -> Self: ...
    def __exit__(self, *_: Any) -> None: ...
    def add_scalars(self, values: Mapping[str, float], step: int) -> None: ...


class Journal:
    """``metrics.jsonl`` and ``tensorboard/`` of a run's folder, and what later rounds want to know of earlier ones."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._recent: deque[bool] = deque(maxlen=_RECENT)
        self._sinks: list[Sink] = []
        self.best: Judgement | None = None
        self.judged: Judgement | None = None  #: the last one
        self.base_success: float | None = None  #: of the base alone, on the same episodes

    @property
    def judged_at(self) -> int:
        """Step of the residual that was judged last, -1 before any was."""
        return -1 if self.judged is None else self.judged.at

    @property
    def success(self) -> float | None:
        """Of the last exploring episodes."""
        return mean(list(self._recent)) if self._recent else None

    @contextmanager
    def open(self, step: int, *more: Sink) -> Iterator[None]:
        """Write to TensorBoard, from `step` on, and to `more`."""
        with ExitStack() as stack:
            sinks: tuple[Sink, ...] = (EventFile(self._folder / "tensorboard", step), *more)
            self._sinks = [stack.enter_context(sink) for sink in sinks]
            yield

    def resume(self, episodes: int) -> None:
        """Go on after so many episodes; lines that were written later are dropped, and half a line too."""
        metrics = self._folder / METRICS_FILE
        if not metrics.is_file():
            return
        kept = []
        for line in metrics.read_text(encoding="utf-8").splitlines(keepends=True):
            row = _read(line)
            if row is not None and row["episodes"] <= episodes:
                kept.append(line)
                self._remember(row)
        with files.replacing(metrics) as target:
            target.write_text("".join(kept), encoding="utf-8")

    def tell(
        self,
        trainer: Learner,
        episodes: list[Episode],
        kind: Kind,
        judgement: Judgement | None,
        base: Sequence[Episode] = (),
    ) -> None:
        """One line for a round of `episodes`, and what was judged beside it. base: episodes of the base alone."""
        row = _row(trainer, episodes, kind) | (judgement.row() if judgement is not None else {})
        if base:
            row["eval/base_success"] = mean([e.success for e in base])
        self._remember(row)
        files.append_json_line(self._folder / METRICS_FILE, row)
        if kind not in (Kind.exploration, Kind.evaluation):
            return  # before the first step there is no axis to put it on
        for sink in self._sinks:
            sink.add_scalars({name: value for name, value in row.items() if "/" in name}, row["step"])

    def _remember(self, row: dict[str, Any]) -> None:
        if row["kind"] == Kind.exploration:
            self._recent.extend(row["successes"])
        self.base_success = row.get("eval/base_success", self.base_success)
        if (judgement := Judgement.from_row(row)) is not None:
            self.judged = judgement
            if judgement.better_than(self.best):
                self.best = judgement


def _row(trainer: Learner, episodes: list[Episode], kind: Kind) -> dict[str, Any]:
    row: dict[str, Any] = {
        "step": trainer.step,
        "episodes": trainer.episodes,
        "kind": kind.value,
        "minutes": trainer.seconds / 60.0,
        "updates": trainer.networks.updates,
        "estimate_error_m": None if math.isnan(trainer.estimate_error) else trainer.estimate_error,
    }
    if episodes:
        row |= {
            "train/success": mean([e.success for e in episodes]),
            "train/episode_reward": mean([e.episode_reward for e in episodes]),
            "train/episode_length": mean([e.steps for e in episodes]),
            "train/total_steps": trainer.step,
            "successes": [e.success for e in episodes],
        }
    return row | {f"losses/{name}": value for name, value in trainer.networks.losses.items()}


def _read(line: str) -> dict[str, Any] | None:
    """None for half a line: the program was killed or the disk was full while it was written."""
    with suppress(ValueError):
        return dict(json.loads(line))
    return None
