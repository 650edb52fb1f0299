"""Residual training against TD3 of stable-baselines3: environment steps per second with one update per step.

Both on `reach` with a base that is off by a constant, the same two critics and actor (two layers of 256, no layer
normalisation), batches of 256, every second update of the actor, no demonstrations and no BC term. Ours collects in a
process of its own while it learns. Each has the number of torch threads that suits it better.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import mean, median
from typing import Any

import numpy as np
import torch
from stable_baselines3 import TD3
from stable_baselines3.common.noise import NormalActionNoise

from so_arm.core.statistics import median_interval
from so_arm.learning.residual.episodes import Episode, Kind, Order, Weights
from so_arm.learning.residual.estimator import Estimator
from so_arm.learning.residual.gym_env import FIRST_SEED, ResidualEnv
from so_arm.learning.residual.networks import Actor
from so_arm.learning.residual.settings import ResidualSettings
from so_arm.learning.residual.trainer import ResidualTrainer
from so_arm.learning.residual.training import make_collector
from so_arm.learning.worker_pool import WorkerPool

sys.path.insert(0, str(Path(__file__).parent / "beside"))  # the collecting process finds its base there, too

from biased_reach import FEATURES, make_workplace

TARGET = 3.0
SETTINGS = ResidualSettings(
    task="reach",
    ensemble=2,
    layer_norm=False,
    actor_layer_norm=False,
    n_step=1,
    updates_per_step=1.0,
    demonstrations=0,
    warmup_episodes=12,
    critic_warmup=0,
    bc_zero=0.0,
    estimator_updates=300,
    estimator_refit_every=0,
    episodes_per_round=4,
    steps=10**9,
)
_NEVER = 2**31
_THREADS = (1, 2)
_FIRST_JUDGED_SEED = 50_000
#: Learning curves: training seeds, length and distance of the points [ticks], episodes per point.
_LONG = {"seeds": 4, "steps": 6000, "every": 1000, "episodes": 30}
_SHORT = {"seeds": 1, "steps": 200, "every": 200, "episodes": 4}


def run(quick: bool) -> dict[str, Any]:
    """`ratio` is ours / stable-baselines3 in environment steps per second."""
    with _threads(1), WorkerPool(partial(make_collector, make_workplace, SETTINGS), 1) as pool:
        ours = _Ours(pool, SETTINGS)
        theirs = _Theirs(ours.trainer.estimator, SETTINGS)
        theirs.learn(2 * SETTINGS.batch_size)  # until it makes an update per step
        rates: dict[str, list[float]] = {"ours": [], "stable_baselines3": []}
        threads = dict.fromkeys(rates, 1) if quick else _best_threads(ours, theirs, steps=600)
        for _ in range(2 if quick else 11):
            for name, side in (("stable_baselines3", theirs), ("ours", ours)):
                with _threads(threads[name]):
                    rates[name].append(side.rate(100 if quick else 800))
        curves = _curves(pool, **(_SHORT if quick else _LONG))
    measured = {name: np.array(values) for name, values in rates.items()}
    ratios = measured["ours"] / measured["stable_baselines3"]
    ratio = float(median(ratios))
    return {
        "name": "rl",
        "ratio": ratio,
        "target": TARGET,
        "passed": ratio >= TARGET and curves["alike"],
        "ratio_ci95": median_interval(ratios),
        **{f"{name}_steps_per_s": float(median(values)) for name, values in measured.items()},
        **{f"{name}_threads": count for name, count in threads.items()},
        "curves_alike": curves["alike"],
        "curves": curves,
        "rounds": len(ratios),
        "load_average": os.getloadavg()[0],
    }


class _Ours:
    """Rounds as `ResidualRun` makes them, without its files."""

    def __init__(self, pool: WorkerPool[Order, list[Episode]], settings: ResidualSettings) -> None:
        self._pool = pool
        self.trainer = ResidualTrainer(settings, FEATURES)
        while self.trainer.preparing:
            self._round()
        self._round()  # from here on a round has as many updates to make as the one before it had steps

    def rate(self, steps: int) -> float:
        """Steps per second over at least so many of them, each with its update."""
        begun, first = time.perf_counter(), self.trainer.networks.updates
        while self.trainer.networks.updates < first + steps:
            self._round()
        return (self.trainer.networks.updates - first) / (time.perf_counter() - begun)

    def learn(self, step: int) -> None:
        while self.trainer.step < step:
            self._round()

    def actor(self) -> Weights:
        return self.trainer.weights()[0]

    def _round(self) -> None:
        order = self.trainer.next_order()
        coming = self._pool.start([order])
        self.trainer.learn()
        self.trainer.take(coming.result()[0], order.kind)


class _Theirs:
    """TD3 with an actor that starts at zero, as ours does."""

    def __init__(self, estimator: Estimator, settings: ResidualSettings) -> None:
        self._model = TD3(
            "MlpPolicy",
            ResidualEnv(make_workplace(), settings, estimator),
            learning_rate=settings.actor_learning_rate,
            learning_starts=settings.batch_size,
            batch_size=settings.batch_size,
            buffer_size=200_000,
            tau=settings.target_rate,
            gamma=settings.discount,
            train_freq=1,
            gradient_steps=1,
            action_noise=NormalActionNoise(np.zeros(6), np.full(6, settings.exploration_noise)),
            policy_delay=settings.policy_delay,
            target_policy_noise=settings.smoothing_noise,
            target_noise_clip=2.0 * settings.smoothing_noise,
            policy_kwargs={"net_arch": [settings.hidden] * 2},
            seed=FIRST_SEED + settings.seed,
            device="cpu",
        )
        for actor in (self._model.actor, self._model.actor_target):
            torch.nn.init.zeros_(actor.mu[-2].weight)
            torch.nn.init.zeros_(actor.mu[-2].bias)
        self._hidden = settings.hidden

    def rate(self, steps: int) -> float:
        begun = time.perf_counter()
        self.learn(self._model.num_timesteps + steps)
        return steps / (time.perf_counter() - begun)

    def learn(self, step: int) -> None:
        self._model.learn(step - self._model.num_timesteps, log_interval=_NEVER, reset_num_timesteps=False)

    def actor(self) -> Weights:
        actor, net = Actor(self._hidden, layer_norm=False), self._model.actor.mu
        actor.layers.load_state_dict(net[:4].state_dict())
        actor.head.load_state_dict(net[4].state_dict())
        return {name: tensor.numpy().copy() for name, tensor in actor.state_dict().items()}


def _best_threads(ours: _Ours, theirs: _Theirs, steps: int) -> dict[str, int]:
    """Of torch, for each side."""
    best = {}
    for name, side in (("ours", ours), ("stable_baselines3", theirs)):
        rates = {}
        for count in _THREADS:
            with _threads(count):
                side.rate(steps // 4)
                rates[count] = side.rate(steps)
        best[name] = max(rates, key=lambda count: rates[count])
    return best


def _curves(
    pool: WorkerPool[Order, list[Episode]], seeds: int, steps: int, every: int, episodes: int
) -> dict[str, Any]:
    """Success on the same episodes while learning. Alike: at every point the ranges over the seeds overlap."""
    at = list(range(every, steps + 1, every))
    judged = list(range(_FIRST_JUDGED_SEED, _FIRST_JUDGED_SEED + episodes))
    curves: dict[str, list[list[float]]] = {"ours": [], "stable_baselines3": []}
    for seed in range(seeds):
        settings = replace(SETTINGS, seed=seed)
        ours = _Ours(pool, settings)
        estimator = ours.trainer.weights()[1]
        theirs = _Theirs(ours.trainer.estimator, settings)
        for name, side in (("ours", ours), ("stable_baselines3", theirs)):
            curve = []
            for step in at:
                side.learn(step)
                order = Order(judged, Kind.evaluation, side.actor(), estimator)
                curve.append(mean(episode.success for episode in pool.do([order])[0]))
            curves[name].append(curve)
    ranges = {name: (np.min(rows, axis=0), np.max(rows, axis=0)) for name, rows in curves.items()}
    (low_a, high_a), (low_b, high_b) = ranges.values()
    alike = bool(np.all((low_a <= high_b) & (low_b <= high_a)))
    return {"steps": at, "episodes": episodes, "alike": alike, **curves}


@contextmanager
def _threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
