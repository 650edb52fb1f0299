"""SAC as stable-baselines3 has it, on the same episodes: the baseline that TD3+BC is compared with.

Of the settings count those of task, bound, reward and estimator, and ``hidden``, ``actor_learning_rate``,
``batch_size``, ``discount``, ``n_step``, ``target_rate``, ``updates_per_step``, ``warmup_episodes`` (the estimator
learns from them, SAC does not) and ``exploration_noise`` (at the start; SAC finds its own).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import torch
from stable_baselines3 import SAC
from stable_baselines3.common.callbacks import BaseCallback

from so_arm.core.errors import UserError
from so_arm.core.interrupt import uninterrupted
from so_arm.core.worker_pool import WorkerPool
from so_arm.learning.compute import threads
from so_arm.learning.residual.episodes import Episode, Kind, Order, Weights, Workplace
from so_arm.learning.residual.estimator import Estimator, Frames, fit
from so_arm.learning.residual.gym_env import ResidualEnv
from so_arm.learning.residual.networks import Actor
from so_arm.learning.residual.order_shares import Pool, carried_out, make_collector
from so_arm.learning.residual.run_folder import BEST, FINAL, Base, Pace, Report, RunFolder
from so_arm.learning.residual.seeds import first_seed
from so_arm.learning.residual.settings import ResidualSettings
from so_arm.learning.residual.update_rhythm import update_rhythm

#: Of the entropy in the value at the start; the rewards are of order 0.01 to 1. SAC adapts it.
_FIRST_TEMPERATURE = "auto_0.01"
_BUFFER_TICKS = 1_000_000
_NEVER = 2**31
_LOSSES = {"critic": "train/critic_loss", "actor": "train/actor_loss", "temperature": "train/ent_coef"}


@dataclass
class _Learned:
    updates: int = 0
    losses: dict[str, float] = field(default_factory=dict)


@dataclass
class Standing:
    """Where the run stands, as the journal asks for it."""

    settings: ResidualSettings
    step: int = 0
    episodes: int = 0
    seconds: float = 0.0
    estimate_error: float = math.nan
    networks: _Learned = field(default_factory=_Learned)


class SacRun:
    """Trains in `folder` and leaves the same files as `ResidualRun` but ``state/``: it cannot be resumed."""

    def __init__(
        self,
        folder: Path,
        settings: ResidualSettings,
        base: Base,
        make_workplace: Callable[[], Workplace],
        pace: Pace,
    ) -> None:
        self.policy = base.policy
        self._pace = pace
        self._make_workplace = make_workplace
        self._setup = partial(make_collector, make_workplace, settings)
        self.trainer = Standing(settings)
        self._folder = RunFolder(folder, settings, base, pace)
        self._journal = self._folder.journal
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(settings.seed)
            self._estimator = Estimator(base.feature_size)
        self._round: list[Episode] = []
        self._told = 0.0

    def run(self, on_report: Callable[[Report], None]) -> Path:
        """Train to the end and return the folder of the best residual. Whatever ends it early, what is there stays."""
        standing, begun = self.trainer, time.monotonic()
        with (
            threads(self._pace.learner_threads),
            self._folder.open(0),
            WorkerPool(self._setup, self._pace.workers) as pool,
        ):
            on_report(self._report(Kind.disturbed))
            self._fit_estimator(pool)
            model = make_sac(ResidualEnv(self._make_workplace(), standing.settings, self._estimator), standing.settings)

            def hear(infos: Sequence[dict[str, Any]]) -> None:
                standing.seconds = time.monotonic() - begun
                self._hear(model, infos)
                if standing.step - self._journal.judged_at >= self._pace.evaluate_every:
                    self._judge(pool, model)
                if time.monotonic() - self._told > 1.0:
                    self._told = time.monotonic()
                    on_report(self._report(Kind.exploration))

            try:
                model.learn(standing.settings.steps, callback=_Listener(hear), log_interval=_NEVER)
                if self._journal.judged_at < standing.step:
                    self._judge(pool, model)
            finally:
                with uninterrupted():
                    self._folder.save(FINAL, standing, self._order(model), standing.step, {})
        on_report(self._report(Kind.exploration))
        return self._folder.path / BEST

    def _fit_estimator(self, pool: Pool) -> None:
        settings, frames = self.trainer.settings, Frames(self._estimator.feature_size)
        first = first_seed(settings.seed)
        order = Order(list(range(first, first + settings.warmup_episodes)), Kind.disturbed)
        for episode in carried_out(pool, order, settings.episodes_per_round):
            frames.add(episode.features, episode.places, episode.estimated)
        generator = torch.Generator().manual_seed(settings.seed)
        if frames.size:
            updates = settings.estimator_updates
            self.trainer.estimate_error = fit(self._estimator, frames, updates, generator, first=True)

    def _hear(self, model: SAC, infos: Sequence[dict[str, Any]]) -> None:
        """After a tick. UserError when a loss stops being a number; the best residual so far is good."""
        standing = self.trainer
        standing.step = model.num_timesteps
        standing.networks.updates = model._n_updates
        told = model.logger.name_to_value
        standing.networks.losses = {name: float(told[key]) for name, key in _LOSSES.items() if key in told}
        for name, loss in standing.networks.losses.items():
            if not math.isfinite(loss):
                raise UserError(f"the loss '{name}' became {loss} at step {standing.step}; try lower learning rates")
        self._round += [info["finished"] for info in infos if "finished" in info]
        if len(self._round) >= standing.settings.episodes_per_round:
            standing.episodes += len(self._round)
            self._journal.tell(standing, self._round, Kind.exploration, None)
            self._round = []

    def _judge(self, pool: Pool, model: SAC) -> None:
        """Keep the residual as it is now if it does better than the best so far."""
        standing, order = self.trainer, self._folder.evaluation(self._order(model))
        episodes = carried_out(pool, order, standing.settings.episodes_per_round)
        judgement = self._folder.judged(standing, order, episodes, standing.step)
        self._journal.tell(standing, [], Kind.evaluation, judgement)

    def _order(self, model: SAC) -> Order:
        """Nothing to do, with the residual as it is now."""
        return Order([], Kind.evaluation, _weights_of(exported_actor(model)), _weights_of(self._estimator))

    def _report(self, kind: Kind) -> Report:
        standing = self.trainer
        left = standing.settings.steps - standing.step
        return self._folder.report(standing, kind, standing.seconds / standing.step * left if standing.step else None)


class _Listener(BaseCallback):
    def __init__(self, hear: Callable[[Sequence[dict[str, Any]]], None]) -> None:
        super().__init__()
        self._hear = hear

    def _on_step(self) -> bool:
        self._hear(self.locals["infos"])
        return True


def make_sac(env: ResidualEnv, settings: ResidualSettings) -> SAC:
    """SAC whose policy starts near the base: its mean is zero, its deviation ``exploration_noise``."""
    ticks, updates = update_rhythm(settings.updates_per_step)
    model = SAC(
        "MlpPolicy",
        env,
        learning_rate=settings.actor_learning_rate,
        buffer_size=min(settings.steps, _BUFFER_TICKS),
        learning_starts=settings.batch_size,
        batch_size=settings.batch_size,
        tau=settings.target_rate,
        gamma=settings.discount,
        train_freq=ticks,
        gradient_steps=updates,
        ent_coef=_FIRST_TEMPERATURE,
        n_steps=settings.n_step,
        policy_kwargs={"net_arch": [settings.hidden] * 2},
        seed=first_seed(settings.seed),  # the environment's first episode has it, too
        device="cpu",
    )
    head = model.actor.mu
    deviation = model.actor.log_std
    assert isinstance(head, torch.nn.Linear) and isinstance(deviation, torch.nn.Linear)
    for layer in (head, deviation):
        torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(head.bias)
    torch.nn.init.constant_(deviation.bias, math.log(settings.exploration_noise))
    return model


def exported_actor(model: SAC) -> Actor:
    """What `model` does without noise, as the residual's own actor."""
    net = model.actor
    actor = Actor(net.net_arch[0], layer_norm=False)
    actor.layers.load_state_dict(net.latent_pi.state_dict())
    actor.head.load_state_dict(net.mu.state_dict())
    return actor


def _weights_of(module: torch.nn.Module) -> Weights:
    return {name: tensor.detach().numpy().copy() for name, tensor in module.state_dict().items()}
