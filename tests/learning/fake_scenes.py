"""The fake environment as a scene, and a residual made by hand; importable by spawned workers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np

from so_arm.core.chunk import ChunkTimeline
from so_arm.core.episode_phase import Phase
from so_arm.core.joints import GRIPPER, LOWER_RAD, UPPER_RAD
from so_arm.core.residual import Corrected, apply_correction
from so_arm.learning.controller import PolicyController
from so_arm.learning.watched_episode import run_watched

sys.path.insert(0, str(Path(__file__).parent))
from fake_episodes import PERIOD_NS, FakeEnv, FakePolicy

BOUND = np.array([0.05, 0.05, 0.05, 0.05, 0.05, 0.1])
#: Numbers of a snapshot of `pick_place`.
SNAPSHOT = 16


class FakeScene(FakeEnv):
    """Succeeds at tick 20 where the gripper's targets run ahead of its base; else as `FakeEnv` does.

    Seeds that 8 divides fail with a residual. The object is touched at tick 5 and lifted at tick 10.
    """

    def reset(self, *, seed: int | None = None) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        begun = super().reset(seed=seed)
        self.command = np.array(self.q)
        self._first = self.q.copy()
        return begun

    def step(self, action: np.ndarray) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        ahead = action[GRIPPER] - self._first[GRIPPER] > action[0] - self._first[0] + 1e-6
        observation, reward, success, truncated, info = super().step(action)
        self.command = np.clip(action, LOWER_RAD, UPPER_RAD)
        if ahead:
            success = self.tick == 20 and self.seed % 8 > 0
        info["success"] = success
        info["failure"] = "missed_grasp" if truncated and not success else None
        info["phase"] = Phase.UNTOUCHED if self.tick < 5 else Phase.TOUCHED if self.tick < 10 else Phase.LIFTED
        if self.tick > 30:
            info["phase"] = Phase.TOUCHED  # it can fall back
        return observation, reward, success, truncated, info

    def snapshot(self) -> np.ndarray:
        return np.full(SNAPSHOT, float(self.tick))


class MoreGripper:
    """Corrects the gripper by a constant share of its bound, and counts how often an episode began."""

    feature_size = 0

    def __init__(self, f: float = 1.0) -> None:
        self._f = np.array([0.0, 0.0, 0.0, 0.0, 0.0, f])
        self.episodes = 0

    def reset(self) -> None:
        self.episodes += 1

    def correct(self, tick) -> Corrected:
        return apply_correction(tick.plan[0], np.tanh(self._f), BOUND)


def controller(residual=None, delay: int = 0) -> PolicyController:
    return PolicyController(FakePolicy(), ChunkTimeline(PERIOD_NS), residual, delay)


def watch(seed: int, residual=None, delay: int = 0):
    bound = None if residual is None else BOUND
    return run_watched(FakeScene(), controller(residual, delay), seed, bound)


def worker():
    """What a worker process does: from (corrected, seed) to the outcome and what was noted of it."""
    return _work


def _work(job: tuple[bool, int]):
    corrected, seed = job
    episode = watch(seed, MoreGripper() if corrected else None)
    return episode.result, episode.smoothness, episode.residual
