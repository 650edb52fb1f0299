"""Episodes side by side: base chunks and actor are computed for all environments at once, images only for chunks."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from so_arm.core.joints import NUM_JOINTS
from so_arm.learning.residual.episodes import Episode, Order, TrainingEnvironment, Weights, Workplace
from so_arm.learning.residual.estimator import Estimator
from so_arm.learning.residual.networks import Actor
from so_arm.learning.residual.run import Run, bodies_of, plan_due
from so_arm.learning.residual.settings import ResidualSettings


class Collector:
    """Carries out orders; the same order gives the same episodes, whatever came before."""

    def __init__(self, workplace: Workplace, settings: ResidualSettings) -> None:
        self._workplace = workplace
        self._settings = settings
        self._envs: list[TrainingEnvironment] = []
        self._actor = Actor(settings.hidden, settings.actor_layer_norm)
        self._estimator = Estimator(workplace.policy.feature_size)
        torch.set_num_threads(1)

    def __call__(self, order: Order) -> list[Episode]:
        """In the order of the seeds."""
        load_weights(self._actor, order.actor)
        load_weights(self._estimator, order.estimator)
        while len(self._envs) < len(order.seeds):
            self._envs.append(self._workplace.make_env())
        bound = np.asarray(self._settings.bound) * order.scale
        runs = [
            Run(env, seed, order.kind, bound, self._workplace, self._settings)
            for env, seed in zip(self._envs, order.seeds, strict=False)
        ]
        alive = runs
        while alive:
            self._tick(alive, order)
            alive = [run for run in alive if not run.over]
        for run, body in zip(runs, bodies_of(runs), strict=True):
            run.see_end(body)
        return [run.episode() for run in runs]

    def _tick(self, runs: list[Run], order: Order) -> None:
        plan_due(runs, self._workplace.policy, self._estimator)
        ready = [run for run in runs if run.begin_tick() is not None]
        if ready:
            bodies = bodies_of(ready)
            corrections = self._corrections(ready, bodies) if order.actor is not None else _none(len(ready))
            for run, body, correction in zip(ready, bodies, corrections, strict=True):
                run.step(body, correction)
        for run in runs:
            if run.planned is None:
                run.hold()

    def _corrections(self, runs: list[Run], bodies: np.ndarray) -> np.ndarray:
        """(n, 6), shares of the bound."""
        with torch.inference_mode():
            known = torch.from_numpy(np.stack([run.estimate for run in runs]))
            return np.asarray(torch.tanh(self._actor(torch.from_numpy(bodies), known)).numpy(), dtype=np.float64)


def _none(n: int) -> np.ndarray:
    return np.zeros((n, NUM_JOINTS))


def load_weights(module: nn.Module, weights: Weights | None) -> None:
    """None: leave it as it is."""
    if weights is not None:
        module.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})
