"""The residual's task as a Gymnasium environment, for algorithms that bring their own training loop."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch

from so_arm.core.joints import NUM_JOINTS
from so_arm.learning.residual import network_input
from so_arm.learning.residual.episodes import Kind, Workplace
from so_arm.learning.residual.estimator import Estimator
from so_arm.learning.residual.network_input import BODY_SIZE, LOOK_SIZE
from so_arm.learning.residual.run import Run, bodies_of, plan_due
from so_arm.learning.residual.seeds import SEEDS_PER_RUN, first_seed
from so_arm.learning.residual.settings import ResidualSettings


class ResidualEnv(gym.Env[np.ndarray, np.ndarray]):
    """One environment with its base policy, which plans when a chunk is due and only then.

    Actions: the correction (6,) in shares of the bound, -1 to 1. Observations: what the actor sees, `network_input`'s
    body and look, (BODY_SIZE + LOOK_SIZE,) float32. Rewards: `TrainingReward`, with the ticks without a plan counted
    to the step before them. At an end the info holds the `Episode` as ``finished``.
    """

    def __init__(self, workplace: Workplace, settings: ResidualSettings, estimator: Estimator | None = None) -> None:
        """estimator: fitted to the base's features; None: it always tells the same places."""
        self._workplace, self._settings = workplace, settings
        self._estimator = estimator or Estimator(workplace.policy.feature_size)
        self._env = workplace.make_env()
        self._bound = np.asarray(settings.bound)
        size = BODY_SIZE + LOOK_SIZE
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, (size,), np.float32)
        self.action_space = gym.spaces.Box(-1.0, 1.0, (NUM_JOINTS,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Start the episode of `seed`; without one, the next of this environment's random sequence of its run's."""
        super().reset(seed=seed)
        first = first_seed(self._settings.seed)
        chosen = seed if seed is not None else int(self.np_random.integers(first, first + SEEDS_PER_RUN))
        self._run = Run(self._env, chosen, Kind.evaluation, self._bound, self._workplace, self._settings)
        return self._observe(), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """One tick, and those after it in which the arm holds as no plan is there."""
        run = self._run
        run.step(self._body, np.asarray(action, dtype=np.float64))
        observation = self._observe()
        info: dict[str, Any] = {}
        if run.over:
            run.see_end(self._body)
            info = {"finished": run.episode(), "is_success": run.success}
        return observation, run.earned, run.terminated, run.over and not run.terminated, info

    def _observe(self) -> np.ndarray:
        run = self._run
        while not run.over:
            plan_due([run], self._workplace.policy, self._estimator)
            if run.begin_tick() is not None:
                break
            run.hold()
        bodies = bodies_of([run])
        self._body = bodies[0]
        body, places = torch.from_numpy(bodies), torch.from_numpy(run.estimate[None])
        observation: np.ndarray = torch.cat((body, network_input.look(body, places)), dim=1)[0].numpy()
        return observation
