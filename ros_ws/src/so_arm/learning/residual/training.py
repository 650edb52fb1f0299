"""A residual training run in its folder: processes that collect, progress, metrics, checkpoints, best and final."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from so_arm.core import files
from so_arm.core.errors import UserError
from so_arm.core.interrupt import uninterrupted
from so_arm.core.paths import from_here
from so_arm.core.provenance import provenance
from so_arm.learning.residual.collector import Collector, load_weights
from so_arm.learning.residual.episodes import Episode, Kind, Order, Workplace
from so_arm.learning.residual.estimator import Estimator
from so_arm.learning.residual.journal import Journal, Judgement, Sink
from so_arm.learning.residual.networks import Actor
from so_arm.learning.residual.residual_folder import save_residual
from so_arm.learning.residual.settings import ResidualSettings
from so_arm.learning.residual.trainer import STATE_FILE, ResidualTrainer
from so_arm.learning.weights_and_biases import WandbRun
from so_arm.learning.worker_pool import WorkerPool

RUN_FILE, STATE_FOLDER = "run.json", "state"
BEST, FINAL = "best", "final"
#: The episodes that choose the best residual: neither learned from nor those that policies are judged on.
SELECTION_SEED = 50_000


@dataclass(frozen=True)
class Pace:
    """How a run is driven. None of it decides what is learned, but for the last bits of the base's chunks.

    workers: processes that collect. The base plans for all episodes of one process at once, and how many they are
    shows in the last bits.
    """

    workers: int = 1
    evaluate_every: int = 30_000  # ticks
    evaluation_episodes: int = 60
    checkpoint_minutes: float = 5.0
    wandb: str | None = None  # project of Weights & Biases that gets the metrics, too


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
        self._setup = partial(make_collector, make_workplace, settings)
        self.trainer = ResidualTrainer(settings, base.feature_size)
        self._journal = Journal(folder)
        run = {"settings": settings.to_dict(), "base": asdict(base), "pace": asdict(pace), "made_by": provenance()}
        files.write_json(folder / RUN_FILE, run)

    def resume(self) -> None:
        """Go on exactly where the last saved state of this folder is; metrics written after it are dropped."""
        if not (self._folder / STATE_FOLDER / STATE_FILE).is_file():
            raise UserError(f"{self._folder} holds no saved state to resume from")
        self.trainer.load(self._folder / STATE_FOLDER)
        self._journal.resume(self.trainer.episodes)

    def run(self, on_report: Callable[[Report], None]) -> Path:
        """Train to the end and return the folder of the best residual. Whatever ends it early, the state is saved."""
        saved_at = time.monotonic()
        with (
            self._journal.open(self.trainer.step, *more_sinks(self._folder, self.trainer.settings, self._pace)),
            WorkerPool(self._setup, self._pace.workers) as pool,
        ):
            try:
                while not self.trainer.finished:
                    self._round(pool, on_report)
                    if time.monotonic() - saved_at > 60.0 * self._pace.checkpoint_minutes:
                        self._save()
                        saved_at = time.monotonic()
                if self._journal.judged_at < self.trainer.step:
                    self._judge(pool)
            finally:
                self._save()
        return self._folder / BEST

    def _round(
        self,
        pool: WorkerPool[Order, list[Episode]],
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
        episodes = _flat(done[: len(orders)])
        with uninterrupted():
            trainer.take(episodes, order.kind)
            trainer.seconds += time.monotonic() - begun
            judgement = self._judged(_flat(done[len(orders) :]), order, first) if judged else None
            self._journal.tell(trainer, episodes, order.kind, judgement)
        speed = (trainer.step - first) / (time.monotonic() - begun)
        on_report(self._report((trainer.settings.steps - trainer.step) / speed if speed else None))

    def _judge(self, pool: WorkerPool[Order, list[Episode]]) -> None:
        """What came out at the end."""
        order = self._evaluation(self.trainer.next_order())
        judgement = self._judged(_flat(pool.do(self._shares(order, pool))), order, self.trainer.step)
        self._journal.tell(self.trainer, [], Kind.evaluation, judgement)

    def _shares(self, order: Order, pool: WorkerPool[Order, list[Episode]]) -> list[Order]:
        return shares(order, pool.workers, self.trainer.settings.episodes_per_round)

    def _evaluation_due(self) -> bool:
        if self.trainer.preparing:
            return False
        return self._journal.judged_at < 0 or self.trainer.step - self._journal.judged_at >= self._pace.evaluate_every

    def _evaluation(self, order: Order) -> Order:
        seeds = list(range(SELECTION_SEED, SELECTION_SEED + self._pace.evaluation_episodes))
        return order._replace(seeds=seeds, kind=Kind.evaluation)

    def _judged(self, episodes: list[Episode], order: Order, step: int) -> Judgement:
        """Keep the residual of `order`, which is that of `step`, if it did better than the best so far."""
        judgement = Judgement.of(episodes, step)
        if judgement.better_than(self._journal.best):
            self._save_residual(BEST, order, judgement.row())
        return judgement

    def _report(self, remaining_s: float | None) -> Report:
        trainer = self.trainer
        return Report(
            phase=trainer.next_order().kind.value,
            step=trainer.step,
            updates=trainer.networks.updates,
            episodes=trainer.episodes,
            success=self._journal.success,
            best_success=None if self._journal.best is None else self._journal.best.success,
            progress=min(trainer.step / trainer.settings.steps, 1.0),
            remaining_s=remaining_s,
        )

    def _save(self) -> None:
        with uninterrupted():
            self.trainer.save(self._folder / STATE_FOLDER)
            self._save_residual(FINAL, self.trainer.next_order(), {})

    def _save_residual(self, name: str, order: Order, judged: dict[str, Any]) -> None:
        trainer = self.trainer
        actor, estimator = (
            Actor(trainer.settings.hidden, trainer.settings.actor_layer_norm),
            Estimator(self._base.feature_size),
        )
        load_weights(actor, order.actor)
        load_weights(estimator, order.estimator)
        training = {
            "step": trainer.step,
            "minutes": trainer.seconds / 60.0,
            "updates": trainer.networks.updates,
            "selection": judged | {"seeds": [SELECTION_SEED, self._pace.evaluation_episodes]},
        }
        base = {"base": self._base.weights_hash, "policy": from_here(Path(self._base.policy))}
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
        Pace(**run["pace"])
        return ResidualSettings.from_dict(run["settings"]), run
    except (KeyError, TypeError) as error:
        raise UserError(f"{path} is damaged: {type(error).__name__}: {error}") from None


def more_sinks(folder: Path, settings: ResidualSettings, pace: Pace) -> list[Sink]:
    """Where the metrics go besides the folder's own files."""
    return [] if pace.wandb is None else [WandbRun(folder, pace.wandb, settings.to_dict())]


def make_collector(make_workplace: Callable[[], Workplace], settings: ResidualSettings) -> Collector:
    return Collector(make_workplace(), settings)


def shares(order: Order, workers: int, most: int) -> list[Order]:
    """The order in parts for all workers, none of them empty or of more than `most` episodes: each takes memory."""
    parts = max(workers, -(-len(order.seeds) // most))
    return [order._replace(seeds=seeds) for i in range(parts) if (seeds := order.seeds[i::parts])]


def _flat(shares: list[list[Episode]]) -> list[Episode]:
    return [episode for share in shares for episode in share]
