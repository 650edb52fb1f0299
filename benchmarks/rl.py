"""Residual training against TD3 of stable-baselines3: environment steps per second with one update per step.

Both on `reach` with a base that is off by a constant, the same two critics and actor (two layers of 256, no layer
normalisation), batches of 256, every second update of the actor, no demonstrations and no BC term. Ours collects in a
process of its own while it learns. Each has the number of torch threads that suits it better.

Most of the time goes into the matrix products of the networks, which both sides have in common. `ceiling` says how far
that lets the ratio go on this processor: it is the ratio of a learner that does nothing but its products, on all cores
at once and without a pause.
"""

from __future__ import annotations

import os
import sys
import time
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
from so_arm.core.worker_pool import WorkerPool
from so_arm.learning.compute import threads
from so_arm.learning.precision import cpu_has_bf16
from so_arm.learning.residual.episodes import Episode, Kind, Order, Weights
from so_arm.learning.residual.estimator import Estimator
from so_arm.learning.residual.gym_env import ResidualEnv
from so_arm.learning.residual.networks import Actor
from so_arm.learning.residual.order_shares import make_collector
from so_arm.learning.residual.seeds import first_seed
from so_arm.learning.residual.settings import ResidualSettings
from so_arm.learning.residual.td3_bc import ACTOR_INPUTS, CRITIC_INPUTS
from so_arm.learning.residual.trainer import ResidualTrainer

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
_DTYPE = torch.bfloat16 if cpu_has_bf16() else torch.float32
_NEVER = 2**31
_THREADS = (1, 2)
_FIRST_JUDGED_SEED = 50_000
#: Learning curves: training seeds, length and distance of the points [ticks], episodes per point.
_LONG = {"seeds": 3, "steps": 4000, "every": 1000, "episodes": 30}
_LAST_TICKS = 10
_SHORT = {"seeds": 1, "steps": 200, "every": 200, "episodes": 4}


def run(quick: bool) -> dict[str, Any]:
    """`ratio` is ours / stable-baselines3 in environment steps per second."""
    with threads(1), WorkerPool(partial(make_collector, make_workplace, SETTINGS), 1) as pool:
        ours = _Ours(pool, SETTINGS)
        theirs = _Theirs(ours.trainer.estimator, SETTINGS)
        theirs.learn(2 * SETTINGS.batch_size)  # until it makes an update per step
        rates: dict[str, list[float]] = {"ours": [], "stable_baselines3": []}
        counts = dict.fromkeys(rates, 1) if quick else _best_threads(ours, theirs, steps=600)
        for _ in range(2 if quick else 11):
            for name, side in (("stable_baselines3", theirs), ("ours", ours)):
                with threads(counts[name]):
                    rates[name].append(side.rate(100 if quick else 800))
        products_s = _products_s(100 if quick else 400)
        curves = _curves(pool, **(_SHORT if quick else _LONG))
    measured = {name: np.array(values) for name, values in rates.items()}
    ratios = measured["ours"] / measured["stable_baselines3"]
    ratio, theirs_s = float(median(ratios)), 1.0 / float(median(measured["stable_baselines3"]))
    return {
        "name": "rl",
        "ratio": ratio,
        "target": TARGET,
        "passed": ratio >= TARGET and curves["alike"],
        "ratio_ci95": median_interval(ratios),
        **{f"{name}_steps_per_s": float(median(values)) for name, values in measured.items()},
        **{f"{name}_threads": count for name, count in counts.items()},
        "products_ms": 1000.0 * products_s,
        "precision": str(_DTYPE).removeprefix("torch."),
        "ceiling": theirs_s / (products_s / len(os.sched_getaffinity(0))),
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
        self.trainer.prepare()


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
            seed=first_seed(settings.seed),
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
            with threads(count):
                side.rate(steps // 4)
                rates[count] = side.rate(steps)
        best[name] = max(rates, key=lambda count: rates[count])
    return best


def _products_s(repeats: int) -> float:
    """Time of the matrix products of one update, on one thread, in the precision that ours has."""
    pairs = [(torch.randn(a, b, dtype=_DTYPE), torch.randn(b, c, dtype=_DTYPE)) for a, b, c in _products()]
    rooms = [torch.empty(len(a), b.shape[1], dtype=a.dtype) for a, b in pairs]
    times = []
    with threads(1):
        for _ in range(repeats):
            begun = time.perf_counter()
            for (a, b), room in zip(pairs, rooms, strict=True):
                torch.mm(a, b, out=room)
            times.append(time.perf_counter() - begun)
    return float(median(times)) / SETTINGS.policy_delay


def _products() -> list[tuple[int, int, int]]:
    """(rows, inner, columns) of the products of `policy_delay` updates, without those of the heads."""
    n, hidden, members = SETTINGS.batch_size, SETTINGS.hidden, SETTINGS.ensemble
    critic, actor = [(n, inputs, hidden) for inputs in (CRITIC_INPUTS, ACTOR_INPUTS)]
    layer = (n, hidden, hidden)
    learn = [(hidden, n, hidden), layer]
    of_critics = members * [critic, layer, critic, layer, *learn, (CRITIC_INPUTS, n, hidden)]
    of_actor = [actor, layer, *members * [critic, layer, layer], *learn, (ACTOR_INPUTS, n, hidden)]
    return SETTINGS.policy_delay * [actor, layer, *of_critics] + of_actor


def _curves(
    pool: WorkerPool[Order, list[Episode]], seeds: int, steps: int, every: int, episodes: int
) -> dict[str, Any]:
    """Success and error on the same episodes while learning.

    Alike: at every point the ranges of the error over the seeds overlap. Success is a coarse measure: neither side
    gets far in so few steps without what the residual's training has besides.
    """
    at = list(range(every, steps + 1, every))
    judged = list(range(_FIRST_JUDGED_SEED, _FIRST_JUDGED_SEED + episodes))
    success: dict[str, list[list[float]]] = {"ours": [], "stable_baselines3": []}
    error_mm: dict[str, list[list[float]]] = {"ours": [], "stable_baselines3": []}
    for seed in range(seeds):
        settings = replace(SETTINGS, seed=seed)
        ours = _Ours(pool, settings)
        estimator = ours.trainer.weights()[1]
        theirs = _Theirs(ours.trainer.estimator, settings)
        for name, side in (("ours", ours), ("stable_baselines3", theirs)):
            points = []
            for step in at:
                side.learn(step)
                order = Order(judged, Kind.evaluation, side.actor(), estimator)
                points.append(pool.do([order])[0])
            success[name].append([mean(episode.success for episode in point) for point in points])
            error_mm[name].append([mean(map(_error_mm, point)) for point in points])
    ranges = [(np.min(rows, axis=0), np.max(rows, axis=0)) for rows in error_mm.values()]
    (low_a, high_a), (low_b, high_b) = ranges
    alike = bool(np.all((low_a <= high_b) & (low_b <= high_a)))
    return {"steps": at, "episodes": episodes, "alike": alike, "success": success, "error_mm": error_mm}


def _error_mm(episode: Episode) -> float:
    """Mean distance of the gripper from the target in the last third of a second."""
    last = episode.privileged[-_LAST_TICKS:]
    return 1000.0 * float(np.linalg.norm(last[:, :3] - last[:, 3:6], axis=1).mean())
