"""Episodes side by side: base chunks and actor are computed for all environments at once, images only for chunks."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from so_arm.core.joints import NUM_JOINTS
from so_arm.learning.residual import network_input
from so_arm.learning.residual.episodes import Episode, Order, TrainingEnvironment, Weights, Workplace
from so_arm.learning.residual.estimator import Estimator
from so_arm.learning.residual.networks import Actor
from so_arm.learning.residual.run import Run
from so_arm.learning.residual.settings import ResidualSettings


class Collector:
    """Carries out orders; the same order gives the same episodes, whatever came before."""

    def __init__(self, workplace: Workplace, settings: ResidualSettings) -> None:
        self._workplace = workplace
        self._settings = settings
        self._envs: list[TrainingEnvironment] = []
        self._actor = Actor(settings.hidden)
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
        for run, body in zip(runs, self._bodies(runs), strict=True):
            run.see_end(body)
        return [run.episode() for run in runs]

    def _tick(self, runs: list[Run], order: Order) -> None:
        self._plan([run for run in runs if run.due()])
        ready = [run for run in runs if run.begin_tick() is not None]
        if ready:
            bodies = self._bodies(ready)
            corrections = self._corrections(ready, bodies) if order.actor is not None else _none(len(ready))
            for run, body, correction in zip(ready, bodies, corrections, strict=True):
                run.step(body, correction)
        for run in runs:
            if run.planned is None:
                run.hold()

    def _plan(self, runs: list[Run]) -> None:
        if not runs:
            return
        policy = self._workplace.policy
        positions = np.stack([run.position for run in runs])
        images = {name: np.stack([run.env.camera_image(name) for run in runs]) for name in policy.camera_names}
        chunks, features = policy.predict_batch(positions, images)
        estimates = self._estimator.places(features)
        for run, chunk, seen, estimate in zip(runs, chunks, features, estimates, strict=True):
            run.plan(chunk, seen, estimate)

    @staticmethod
    def _bodies(runs: list[Run]) -> np.ndarray:
        steps = [run.planned for run in runs if run.planned is not None]
        return network_input.body(
            np.stack([run.position for run in runs]),
            np.stack([run.rate for run in runs]),
            np.stack([network_input.plan_ahead(step.plan) for step in steps]),
            np.array([step.step for step in steps]),
        )

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
