"""Many environments stepped together on every core. MuJoCo lets go of Python's lock, so threads are enough."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np

from so_arm.sim.env import Observation, SoArmEnv


@dataclass(frozen=True)
class BatchStep:
    """Result of one step of n environments. `observation` is already that of the new episode where one ended."""

    observation: dict[str, np.ndarray]  # each (n, ...)
    reward: np.ndarray  # (n,)
    terminated: np.ndarray  # (n,) bool
    truncated: np.ndarray  # (n,) bool
    info: list[dict[str, Any]]  # of the step; at an end it also holds "final_observation"


class BatchEnv:
    """`n` environments, each always stepped by the same thread (rendering contexts belong to a thread).

    The calling thread does its share, so always call from the same one.
    """

    def __init__(self, make_env: Callable[[], SoArmEnv], n: int, threads: int | None = None) -> None:
        count = min(n, threads or len(os.sched_getaffinity(0)))
        self.n = n
        self._helpers = [ThreadPoolExecutor(1, thread_name_prefix=f"batch_env_{i}") for i in range(1, count)]
        self._shares = [range(i, n, count) for i in range(count)]
        self.envs = [make_env() for _ in range(n)]
        self._results: list[Any] = [None] * n

    def reset(self, seeds: Sequence[int]) -> dict[str, np.ndarray]:
        """Start one episode per environment; later episodes follow from these seeds by themselves."""
        self._on_all(lambda i: self.envs[i].reset(seed=seeds[i])[0])
        return self._stack(self._results)

    def step(self, actions: np.ndarray) -> BatchStep:
        """Joint targets (n, 6) [rad] for one control period."""
        self._on_all(lambda i: self._step_one(self.envs[i], actions[i]))
        observations, rewards, terminated, truncated, infos = zip(*self._results, strict=True)
        return BatchStep(
            self._stack(observations), np.array(rewards), np.array(terminated), np.array(truncated), list(infos)
        )

    def map(self, function: Callable[[SoArmEnv], Any]) -> list[Any]:
        """`function` of every environment, each in its own thread; for instance to render only when needed."""
        self._on_all(lambda i: function(self.envs[i]))
        return list(self._results)

    def close(self) -> None:
        self._on_all(lambda i: self.envs[i].close())
        for helper in self._helpers:
            helper.shutdown()

    @staticmethod
    def _step_one(env: SoArmEnv, action: np.ndarray) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        observation, reward, terminated, truncated, info = env.step(action)
        if terminated or truncated:
            info["final_observation"] = observation
            observation, _ = env.reset()
        return observation, reward, terminated, truncated, info

    def _on_all(self, function: Callable[[int], Any]) -> None:
        def run(share: range) -> None:
            for i in share:
                self._results[i] = function(i)

        own, *others = self._shares
        pending = [helper.submit(run, share) for helper, share in zip(self._helpers, others, strict=True)]
        run(own)
        for future in pending:
            future.result()

    @staticmethod
    def _stack(observations: Sequence[Observation]) -> dict[str, np.ndarray]:
        return {key: np.stack([observation[key] for observation in observations]) for key in observations[0]}
