"""A residual training run by TD3+BC in its folder: processes that collect, progress, metrics, checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from so_arm.core.errors import UserError
from so_arm.core.interrupt import uninterrupted
from so_arm.core.worker_pool import WorkerPool
from so_arm.learning.compute import threads
from so_arm.learning.residual.episodes import Episode, Kind, Workplace
from so_arm.learning.residual.order_shares import Pool, carried_out, flat, make_collector, shares
from so_arm.learning.residual.run_folder import BEST, FINAL, PREPARING, Base, Pace, Report, RunFolder
from so_arm.learning.residual.settings import ResidualSettings
from so_arm.learning.residual.trainer import ResidualTrainer
from so_arm.learning.residual.trainer_state import STATE_FILE

STATE_FOLDER = "state"


class ResidualRun:
    """Trains in `folder`: what `RunFolder` says, and ``state/``."""

    def __init__(
        self,
        folder: Path,
        settings: ResidualSettings,
        base: Base,
        make_workplace: Callable[[], Workplace],
        pace: Pace,
    ) -> None:
        self.policy = base.policy
        self._pace, self._most = pace, settings.episodes_per_round
        self._setup = partial(make_collector, make_workplace, settings)
        self.trainer = ResidualTrainer(settings, base.feature_size)
        self._folder = RunFolder(folder, settings, base, pace)
        self._journal, self._state = self._folder.journal, folder / STATE_FOLDER
        self._remaining_s: float | None = None  # as the last round had it

    def resume(self) -> None:
        """Go on exactly where the last saved state of this folder is; metrics written after it are dropped."""
        if not (self._state / STATE_FILE).is_file():
            raise UserError(f"{self._folder.path} holds no saved state to resume from")
        self.trainer.load(self._state)
        self._journal.resume(self.trainer.episodes)

    def run(self, on_report: Callable[[Report], None]) -> Path:
        """Train to the end and return the folder of the best residual. Whatever ends it early, the state is saved."""
        saved_at = time.monotonic()
        with (
            threads(self._pace.learner_threads),
            self._folder.open(self.trainer.step),
            WorkerPool(self._setup, self._pace.workers) as pool,
        ):
            try:
                self._prepare(on_report)  # a run that was stopped in it
                while not self.trainer.finished:
                    self._round(pool, on_report)
                    self._prepare(on_report)
                    if time.monotonic() - saved_at > 60.0 * self._pace.checkpoint_minutes:
                        self._save()
                        saved_at = time.monotonic()
                if self._journal.judged_at < self.trainer.step:
                    self._judge(pool)
                on_report(self._report())
            finally:
                self._save()
        return self._folder.path / BEST

    def _round(self, pool: Pool, on_report: Callable[[Report], None]) -> None:
        begun, first, trainer = time.monotonic(), self.trainer.step, self.trainer
        order, judged = trainer.next_order(), self._evaluation_due()
        wanted = [order]
        if judged:
            wanted.append(self._folder.evaluation(order))
        if judged and self._journal.base_success is None:
            wanted.append(self._folder.base_evaluation())
        parts = [shares(each, pool.workers, self._most) for each in wanted]
        coming = pool.start(flat(parts))
        trainer.learn(_each_second(lambda: on_report(self._report())))
        done = iter(coming.result())
        episodes, *evaluations = (flat([next(done) for _ in part]) for part in parts)
        with uninterrupted():
            trainer.take(episodes, order.kind)
            trainer.seconds += time.monotonic() - begun
            judgement = self._folder.judged(trainer, order, evaluations[0], first) if judged else None
            base = evaluations[1] if len(evaluations) > 1 else []
            self._journal.tell(trainer, episodes, order.kind, judgement, base)
        share = len(order.seeds) / sum(len(each.seeds) for each in wanted)
        self._remaining_s = self._left_s(episodes, share * (time.monotonic() - begun))
        on_report(self._report())

    def _prepare(self, on_report: Callable[[Report], None]) -> None:
        """What comes between collecting and exploring, when it is due."""
        begun = time.monotonic()

        def tell(share: float) -> None:
            on_report(replace(self._report(), phase=PREPARING, progress=share, before=None))

        self.trainer.prepare(_each_second(tell))
        self.trainer.seconds += time.monotonic() - begun

    def _left_s(self, episodes: list[Episode], seconds: float) -> float | None:
        """At the speed of `episodes`, which took so long; until exploration begins, it is taken to be as fast."""
        ticks, trainer = sum(episode.steps for episode in episodes), self.trainer
        to_prepare = max(self._folder.episodes_before - trainer.episodes, 0)
        to_explore = trainer.settings.steps - trainer.step
        return seconds * (to_prepare / len(episodes) + to_explore / ticks) if ticks else None

    def _judge(self, pool: Pool) -> None:
        """What came out at the end."""
        order = self._folder.evaluation(self.trainer.next_order())
        episodes = carried_out(pool, order, self._most)
        judgement = self._folder.judged(self.trainer, order, episodes, self.trainer.step)
        known = self._journal.base_success is not None
        base = [] if known else carried_out(pool, self._folder.base_evaluation(), self._most)
        self._journal.tell(self.trainer, [], Kind.evaluation, judgement, base)

    def _evaluation_due(self) -> bool:
        if self.trainer.preparing:
            return False
        return self._journal.judged_at < 0 or self.trainer.step - self._journal.judged_at >= self._pace.evaluate_every

    def _report(self) -> Report:
        return self._folder.report(self.trainer, self.trainer.next_order().kind, self._remaining_s)

    def _save(self) -> None:
        with uninterrupted():
            self.trainer.save(self._state)
            self._folder.save(FINAL, self.trainer, self.trainer.next_order(), self.trainer.step, {})


def _each_second[**P](act: Callable[P, None]) -> Callable[P, None]:
    """Does it when called, but not more often than that."""
    done = time.monotonic()

    def call(*args: P.args, **kwargs: P.kwargs) -> None:
        nonlocal done
        if time.monotonic() - done > 1.0:
            done = time.monotonic()
            act(*args, **kwargs)

    return call
