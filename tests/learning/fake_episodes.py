"""A tiny environment and policy with the shapes of the real ones; importable by spawned workers."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import numpy as np

from so_arm.core.chunk import ChunkTimeline
from so_arm.core.errors import UserError
from so_arm.learning.controller import PolicyController, Prediction

PERIOD_NS = 33_333_333
HORIZON = 60


class FakeEnv:
    """The joints go to the action at once; success at a tick that depends on the seed, odd seeds fail."""

    def __init__(self) -> None:
        self.rendered: list[tuple[int, str]] = []

    def reset(self, *, seed: int | None = None) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        assert seed is not None
        self.seed, self.tick = seed, 0
        self.q = np.random.default_rng(seed).uniform(-0.5, 0.5, 6)
        self.rendered.clear()
        return self._observation(), {}

    def step(self, action: np.ndarray) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        self.q = np.array(action)
        self.tick += 1
        success = self.seed % 2 == 0 and self.tick == 30 + self.seed % 7
        truncated = self.tick == HORIZON
        info = {"success": success, "failure": None if success or not truncated else "dropped"}
        return self._observation(), float(self.q.sum()), success, truncated, info

    def camera_image(self, name: str) -> np.ndarray:
        self.rendered.append((self.tick, name))
        return np.full((4, 6, 3), self.tick, np.uint8)

    def _observation(self) -> dict[str, np.ndarray]:
        return {"joint_position": self.q}


class FakePolicy:
    """Chunks of 50 steps that carry on from the state; a counter, its one feature too, shows whether it was reset."""

    camera_names = ("static", "wrist")
    feature_size = 1

    def __init__(self) -> None:
        self.calls = 0

    def reset(self) -> None:
        self.calls = 0

    def predict(self, state_rad: np.ndarray, images: dict[str, np.ndarray]) -> Prediction:
        assert sorted(images) == ["static", "wrist"]
        self.calls += 1
        chunk = state_rad + 1e-3 * self.calls * np.arange(50)[:, None] * np.ones(6)
        return Prediction(chunk, np.array([self.calls], np.float32))


def setup() -> tuple[FakeEnv, PolicyController]:
    return FakeEnv(), PolicyController(FakePolicy(), ChunkTimeline(PERIOD_NS))


def broken_setup() -> tuple[FakeEnv, PolicyController]:
    raise UserError("no such policy")


def dying_setup() -> tuple[FakeEnv, PolicyController]:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("not reached")


class _SlowEnv(FakeEnv):
    def step(self, action: np.ndarray) -> tuple[dict[str, np.ndarray], float, bool, bool, dict[str, Any]]:
        time.sleep(0.5)
        return super().step(action)


def slow_setup() -> tuple[FakeEnv, PolicyController]:
    return _SlowEnv(), PolicyController(FakePolicy(), ChunkTimeline(PERIOD_NS))
