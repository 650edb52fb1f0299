"""A training run in its folder: batches, progress, metrics, checkpoints, resume."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from so_arm.core import files
from so_arm.core.chunk_settings import ChunkSettings
from so_arm.core.errors import UserError
from so_arm.core.interrupt import uninterrupted
from so_arm.core.joints import JOINT_NAMES
from so_arm.core.provenance import provenance
from so_arm.data.dataset_schema import UNITS
from so_arm.data.training_arrays import TrainingArrays
from so_arm.learning.act.batches import BatchSource, dataset_statistics
from so_arm.learning.act.checkpoint import save_policy
from so_arm.learning.act.network import make_config
from so_arm.learning.act.settings import TrainSettings
from so_arm.learning.act.trainer import Trainer
from so_arm.learning.event_file import EventFile

RUN_FILE = "run.json"
METRICS_FILE = "metrics.jsonl"
_LOG_EVERY = 20


@dataclass(frozen=True)
class Report:
    """Where a run stands; `remaining_s` is None until a speed is known."""

    step: int
    progress: float
    loss: float
    learning_rate: float
    steps_per_s: float
    remaining_s: float | None


def load_run(folder: Path) -> tuple[TrainSettings, Path]:
    """Settings and dataset of the run that `folder` holds."""
    path = folder / RUN_FILE
    if not path.is_file():
        raise UserError(f"{folder} holds no training run to resume (no {RUN_FILE})")
    run = files.read_json(path)
    return TrainSettings.from_dict(run["settings"]), Path(run["dataset"])


class TrainingRun:
    """Trains in `folder`: ``metrics.jsonl``, ``tensorboard/``, ``checkpoints/NNNNNN/`` and ``policy/`` (the last one).

    Each checkpoint is a LeRobot policy directory with averaged weights; the exact training state is in ``state/``.
    """

    def __init__(
        self,
        folder: Path,
        dataset: Path,
        arrays: TrainingArrays,
        settings: TrainSettings,
        device: str = "cpu",
        replicas: int = 1,
        checkpoint_minutes: float = 10.0,
    ) -> None:
        self._folder = folder
        self._arrays = arrays
        self._settings = settings
        self._checkpoint_s = 60.0 * checkpoint_minutes
        self._config = make_config(settings, arrays.cameras, device)
        self._statistics = dataset_statistics(arrays)
        self._batches = BatchSource(arrays, self._statistics, settings)
        self.trainer = Trainer(settings, self._config, replicas)
        files.write_json(folder / RUN_FILE, {"settings": settings.to_dict(), "dataset": str(dataset.resolve())})

    def resume(self) -> None:
        """Go on exactly where the last saved state of this folder is; metrics written after it are dropped."""
        self.trainer.load(self._folder / "state")
        metrics = self._folder / METRICS_FILE
        if metrics.is_file():
            lines = metrics.read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [line for line in lines if json.loads(line)["step"] <= self.trainer.step]
            with files.replacing(metrics) as target:
                target.write_text("".join(kept), encoding="utf-8")

    def run(self, on_report: Callable[[Report], None]) -> Path:
        """Train to the end and return the folder of the policy. Interrupted, it saves its state and re-raises."""
        saved_at = time.monotonic()
        with (
            EventFile(self._folder / "tensorboard", self.trainer.step) as board,
            (self._folder / METRICS_FILE).open("a", encoding="utf-8", buffering=1) as metrics,
        ):
            try:
                while self.trainer.progress() < 1.0:
                    report = self._some_steps()
                    metrics.write(json.dumps(report.__dict__) + "\n")
                    shown = ("loss", "learning_rate", "steps_per_s")
                    board.add_scalars({f"train/{name}": getattr(report, name) for name in shown}, report.step)
                    on_report(report)
                    if time.monotonic() - saved_at > self._checkpoint_s:
                        with uninterrupted():
                            self._save()
                        saved_at = time.monotonic()
            except KeyboardInterrupt:
                with uninterrupted():
                    self._save()
                raise
            finally:
                self.trainer.close()
        with uninterrupted():
            self._save()
        return self._folder / "policy"

    def _some_steps(self) -> Report:
        begun, first = time.monotonic(), self.trainer.step
        losses: list[float] = []
        rate = self.trainer.learning_rate()
        while self.trainer.progress() < 1.0 and len(losses) < _LOG_EVERY:
            started = time.monotonic()
            with uninterrupted():
                losses.append(self.trainer.train(self._batches))
            self.trainer.seconds += time.monotonic() - started
        loss = sum(losses) / len(losses)
        if not loss < float("inf"):
            raise UserError(f"the loss became {loss} at step {self.trainer.step}; try a lower learning rate")
        speed = (self.trainer.step - first) / (time.monotonic() - begun)
        return Report(self.trainer.step, self.trainer.progress(), loss, rate, speed, self._remaining_s(speed))

    def _remaining_s(self, steps_per_s: float) -> float | None:
        if self._settings.steps is not None:
            return (self._settings.steps - self.trainer.step) / steps_per_s
        assert self._settings.minutes is not None
        return 60.0 * self._settings.minutes - self.trainer.seconds

    def _save(self) -> None:
        self.trainer.save(self._folder / "state")
        for name in (f"checkpoints/{self.trainer.step:06d}", "policy"):
            save_policy(
                self._folder / name, self._config, self.trainer.averaged_weights(), self._statistics, self._metadata()
            )

    def _metadata(self) -> dict[str, Any]:
        """Contents of ``so_arm.json``."""
        return {
            "joint_names": list(JOINT_NAMES),
            "units": UNITS,
            "fps": self._arrays.fps,
            "cameras": {name: {"height": h, "width": w} for name, (h, w) in self._arrays.cameras.items()},
            "task": self._arrays.extra.get("task"),
            "execution": asdict(ChunkSettings(actions_per_chunk=self._settings.chunk_size)),
            "training": {
                "step": self.trainer.step,
                "minutes": self.trainer.seconds / 60.0,
                "settings": self._settings.to_dict(),
                "episodes": len(self._arrays.episode_start),
                "frames": len(self._arrays),
                "seeds": [note.get("seed") for note in self._arrays.notes],
                "recording": self._arrays.extra,
            },
            "made_by": provenance(),
        }
