"""A residual training run in its folder: processes that collect, progress, metrics, checkpoints, best and final."""

from __future__ import annotations

import json
import math
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from so_arm.core import files
from so_arm.core.errors import UserError
from so_arm.core.interrupt import uninterrupted
from so_arm.core.provenance import provenance
from so_arm.core.statistics import mean
from so_arm.learning.residual.collector import Collector, load_weights
from so_arm.learning.residual.episodes import Episode, Kind, Order, Workplace
from so_arm.learning.residual.estimator import Estimator
from so_arm.learning.residual.networks import Actor
from so_arm.learning.residual.residual_folder import save_residual
from so_arm.learning.residual.settings import ResidualSettings
from so_arm.learning.residual.trainer import STATE_FILE, ResidualTrainer
from so_arm.learning.worker_pool import WorkerPool

RUN_FILE, METRICS_FILE, STATE_FOLDER = "run.json", "metrics.jsonl", "state"
BEST, FINAL = "best", "final"
#: The episodes that choose the best residual: neither learned from nor those that policies are judged on.
SELECTION_SEED = 50_000
_RECENT = 100


@dataclass(frozen=True)
class Pace:
    """How a run is driven; none of it decides what is learned. workers: processes that collect."""

    workers: int = 1
    evaluate_every: int = 30_000  # ticks
    evaluation_episodes: int = 60
    checkpoint_minutes: float = 5.0


@dataclass
class Report:
    """Where a run stands. remaining_s is None until a speed is known; success: of the last 100 exploring episodes."""

    phase: str
    step: int
    updates: int
    episodes: int
    success: float | None
    best_success: float | None
    progress: float
    remaining_s: float | None


@dataclass
class _Best:
    success: float = -1.0
    steps: float = 0.0  # mean length of the successful episodes

    def beaten_by(self, success: float, steps: float) -> bool:
        return (success, -steps) > (self.success, -self.steps)


@dataclass(frozen=True)
class Base:
    """What the residual is trained on top of. weights_hash: see `residual_folder.policy_hash`."""

    policy: str
    weights_hash: str
    feature_size: int


class ResidualRun:
    """Trains in `folder`: ``metrics.jsonl``, ``tensorboard/``, ``state/``, and residuals ``best/`` and ``final/``."""

    def __init__(
        self,
        folder: Path,
        settings: ResidualSettings,
        base: Base,
        make_workplace: Callable[[], Workplace],
        pace: Pace,
    ) -> None:
        self._folder, self._base, self._pace = folder, base, pace
        self._setup = partial(_make_collector, make_workplace, settings)
        self.trainer = ResidualTrainer(settings, base.feature_size)
        self._recent: deque[bool] = deque(maxlen=_RECENT)
        self._best = _Best()
        self._evaluated_at = -1
        run = {"settings": settings.to_dict(), "base": asdict(base), "pace": asdict(pace), "made_by": provenance()}
        files.write_json(folder / RUN_FILE, run)

    def resume(self) -> None:
        """Go on exactly where the last saved state of this folder is; metrics written after it are dropped."""
        if not (self._folder / STATE_FOLDER / STATE_FILE).is_file():
            raise UserError(f"{self._folder} holds no saved state to resume from")
        self.trainer.load(self._folder / STATE_FOLDER)
        metrics = self._folder / METRICS_FILE
        if not metrics.is_file():
            return
        kept = []
        for line in metrics.read_text(encoding="utf-8").splitlines(keepends=True):
            row = _metrics(line)
            if row is not None and row["episodes"] <= self.trainer.episodes:
                kept.append(line)
                self._remember(row)
        with files.replacing(metrics) as target:
            target.write_text("".join(kept), encoding="utf-8")

    def run(self, on_report: Callable[[Report], None]) -> Path:
        """Train to the end and return the folder of the best residual. Whatever ends it early, the state is saved."""
        saved_at = time.monotonic()
        with (
            WorkerPool(self._setup, self._pace.workers) as pool,
            SummaryWriter(str(self._folder / "tensorboard"), purge_step=self.trainer.step) as board,
        ):
            try:
                while not self.trainer.finished:
                    self._round(pool, board, on_report)
                    if time.monotonic() - saved_at > 60.0 * self._pace.checkpoint_minutes:
                        self._save()
                        saved_at = time.monotonic()
                if self._evaluated_at < self.trainer.step:
                    self._judge(pool, board)
            finally:
                self._save()
        return self._folder / BEST

    def _round(
        self,
        pool: WorkerPool[Order, list[Episode]],
        board: SummaryWriter,
        on_report: Callable[[Report], None],
    ) -> None:
        begun, first, trainer = time.monotonic(), self.trainer.step, self.trainer
        order, judged = trainer.next_order(), self._evaluation_due()
        orders = self._shares(order, pool)
        coming = pool.start(orders + (self._shares(self._evaluation(order), pool) if judged else []))
        told = begun

        def tell() -> None:
            nonlocal told
            if time.monotonic() - told > 1.0:
                told = time.monotonic()
                on_report(self._report(None))

        trainer.learn(tell)
        done = coming.result()
        episodes = [episode for share in done[: len(orders)] for episode in share]
        with uninterrupted():
            trainer.take(episodes, order.kind)
            trainer.seconds += time.monotonic() - begun
            row = self._row(episodes, order.kind)
            if judged:
                row |= self._judged([episode for share in done[len(orders) :] for episode in share], order)
            self._tell(row, board)
        speed = (trainer.step - first) / (time.monotonic() - begun)
        on_report(self._report((trainer.settings.steps - trainer.step) / speed if speed else None))

    def _judge(self, pool: WorkerPool[Order, list[Episode]], board: SummaryWriter) -> None:
        """Of what came out at the end."""
        order = self._evaluation(self.trainer.next_order())
        done = pool.do(self._shares(order, pool))
        row = self._row([], Kind.evaluation) | self._judged([e for share in done for e in share], order)
        self._tell(row, board)

    def _shares(self, order: Order, pool: WorkerPool[Order, list[Episode]]) -> list[Order]:
        return _shares(order, pool.workers, self.trainer.settings.episodes_per_round)

    def _evaluation_due(self) -> bool:
        if self.trainer.preparing:
            return False
        return self._evaluated_at < 0 or self.trainer.step - self._evaluated_at >= self._pace.evaluate_every

    def _evaluation(self, order: Order) -> Order:
        seeds = list(range(SELECTION_SEED, SELECTION_SEED + self._pace.evaluation_episodes))
        return order._replace(seeds=seeds, kind=Kind.evaluation)

    def _judged(self, episodes: list[Episode], order: Order) -> dict[str, Any]:
        """Keep the residual of `order` if it did better than the best so far."""
        success, steps = mean([e.success for e in episodes]), mean([e.steps for e in episodes if e.success] or [0])
        row = {
            "eval/success": success,
            "eval/episode_length": steps,
            "eval/episode_reward": mean([e.episode_reward for e in episodes]),
        }
        if self._best.beaten_by(success, steps):
            self._save_residual(BEST, order, row)
        return row

    def _row(self, episodes: list[Episode], kind: Kind) -> dict[str, Any]:
        """One line of metrics, by the names that TensorBoard shows."""
        trainer = self.trainer
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

    def _tell(self, row: dict[str, Any], board: SummaryWriter) -> None:
        self._remember(row)
        files.append_json_line(self._folder / METRICS_FILE, row)
        _show(board, row)

    def _remember(self, row: dict[str, Any]) -> None:
        """What later rounds depend on; the same when it is read back."""
        if row["kind"] == Kind.exploration:
            self._recent.extend(row["successes"])
        if "eval/success" in row:
            self._evaluated_at = row["step"]
            if self._best.beaten_by(row["eval/success"], row["eval/episode_length"]):
                self._best = _Best(row["eval/success"], row["eval/episode_length"])

    def _report(self, remaining_s: float | None) -> Report:
        trainer = self.trainer
        return Report(
            phase=trainer.next_order().kind.value,
            step=trainer.step,
            updates=trainer.networks.updates,
            episodes=trainer.episodes,
            success=mean(list(self._recent)) if self._recent else None,
            best_success=self._best.success if self._best.success >= 0.0 else None,
            progress=min(trainer.step / trainer.settings.steps, 1.0),
            remaining_s=remaining_s,
        )

    def _save(self) -> None:
        with uninterrupted():
            self.trainer.save(self._folder / STATE_FOLDER)
            self._save_residual(FINAL, self.trainer.next_order(), {})

    def _save_residual(self, name: str, order: Order, judged: dict[str, Any]) -> None:
        trainer = self.trainer
        actor, estimator = Actor(trainer.settings.hidden), Estimator(self._base.feature_size)
        load_weights(actor, order.actor)
        load_weights(estimator, order.estimator)
        training = {
            "step": trainer.step,
            "minutes": trainer.seconds / 60.0,
            "updates": trainer.networks.updates,
            "selection": judged | {"seeds": [SELECTION_SEED, self._pace.evaluation_episodes]},
        }
        base = {"base": self._base.weights_hash, "policy": self._base.policy}
        save_residual(
            self._folder / name,
            actor,
            estimator,
            trainer.settings,
            base | {"training": training, "made_by": provenance()},
        )


def load_run(folder: Path) -> tuple[ResidualSettings, dict[str, Any]]:
    """Settings of the run that `folder` holds, and all that it says of itself."""
    path = folder / RUN_FILE
    if not path.is_file():
        raise UserError(f"{folder} holds no residual training run to resume (no {RUN_FILE})")
    run = files.read_json(path)
    try:
        Base(**run["base"])
        return ResidualSettings.from_dict(run["settings"]), run
    except (KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged: {type(error).__name__}: {error}") from None


def _metrics(line: str) -> dict[str, Any] | None:
    """None for half a line: the program was killed or the disk was full while it was written."""
    with suppress(ValueError):
        return dict(json.loads(line))
    return None


def _make_collector(make_workplace: Callable[[], Workplace], settings: ResidualSettings) -> Collector:
    return Collector(make_workplace(), settings)


def _shares(order: Order, workers: int, most: int) -> list[Order]:
    """The order in parts for all workers, none of them empty or of more than `most` episodes: each takes memory."""
    parts = max(workers, -(-len(order.seeds) // most))
    return [order._replace(seeds=seeds) for i in range(parts) if (seeds := order.seeds[i::parts])]


def _show(board: SummaryWriter, row: dict[str, Any]) -> None:
    for name, value in row.items():
        if "/" in name:
            board.add_scalar(name, value, row["step"])
