"""Episodes of a controller in a Gymnasium environment, one after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Protocol

import numpy as np

from so_arm.core.clock import CONTROL_HZ, tick_stamp_ns
from so_arm.core.episode import EpisodeResult

#: (tick, observation before it, action (6,) [rad], reward) of every control tick.
Observer = Callable[[int, Mapping[str, np.ndarray], np.ndarray, float], None]


class Controller(Protocol):
    """Decides the joint targets of each tick, e.g. `so_arm.learning.controller.PolicyController`."""

    def reset(self) -> None: ...

    def act(self, stamp_ns: int, state_rad: np.ndarray, image_of: Callable[[str], np.ndarray]) -> np.ndarray: ...


class Environment(Protocol):
    """What is asked of an environment, e.g. `so_arm.sim.env.SoArmEnv`: Gymnasium's loop and its cameras."""

    def reset(self, *, seed: int | None = None) -> tuple[Mapping[str, np.ndarray], dict[str, Any]]: ...

    def step(self, action: np.ndarray) -> tuple[Mapping[str, np.ndarray], float, bool, bool, dict[str, Any]]: ...

    def camera_image(self, name: str) -> np.ndarray: ...


def run_episode(env: Environment, controller: Controller, seed: int, observe: Observer | None = None) -> EpisodeResult:
    """One episode from `seed` until the environment ends it."""
    observation, _ = env.reset(seed=seed)
    controller.reset()
    total, tick, done = 0.0, 0, False
    info: dict[str, Any] = {}
    while not done:
        action = controller.act(tick_stamp_ns(tick), observation["joint_position"], env.camera_image)
        before = observation
        observation, reward, terminated, truncated, info = env.step(action)
        if observe is not None:
            observe(tick, before, action, float(reward))
        total += float(reward)
        tick += 1
        done = terminated or truncated
    success = bool(info["success"])
    return EpisodeResult(
        seed=seed,
        success=success,
        reward=total,
        steps=tick,
        failure=None if success else info["failure"],
        seconds=tick / CONTROL_HZ,
    )


def evaluate(
    env: Environment,
    controller: Controller,
    seeds: Iterable[int],
    on_episode: Callable[[EpisodeResult], None] | None = None,
) -> list[EpisodeResult]:
    """Results in the order of `seeds`; `on_episode` is called after each."""
    results = []
    for seed in seeds:
        result = run_episode(env, controller, seed)
        results.append(result)
        if on_episode is not None:
            on_episode(result)
    return results
