"""A base policy for `reach` that costs next to nothing: it sees the target itself, and is off by a constant."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np

from so_arm.core.chunk import ChunkTimeline
from so_arm.core.clock import CONTROL_PERIOD_S
from so_arm.core.joints import LOWER_RAD, UPPER_RAD
from so_arm.learning.residual.episodes import Workplace
from so_arm.rewards.registry import make_reward
from so_arm.sim.env import SoArmEnv
from so_arm.sim.ik import GraspPointIk
from so_arm.sim.start import HOME_RAD

FEATURES = 9
#: How far off every joint is [rad], within the default bound.
_OFFSET_RAD = np.array([0.05, 0.05, -0.05, 0.05, 0.0, 0.0])
_CHUNK, _REACHED_AFTER = 50, 20
_HORIZON = 60


class SeenEnv(SoArmEnv):
    """`reach`, whose camera gives the target [m] in place of a picture."""

    def camera_image(self, camera: str) -> np.ndarray:
        return self.task.observe()


class BiasedBase:
    """Plans a straight way of the joints to the target. Features: joint positions and target."""

    camera_names = ("static",)
    feature_size = FEATURES

    def predict_batch(self, states_rad: np.ndarray, images: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        targets = images["static"]
        goals = np.stack([_joints_at(*target) for target in targets])
        share = np.minimum(np.arange(1, _CHUNK + 1) / _REACHED_AFTER, 1.0)[None, :, None]
        chunks = states_rad[:, None] + share * (goals - states_rad)[:, None] + _OFFSET_RAD
        features = np.concatenate((states_rad, targets), axis=1).astype(np.float32)
        return np.clip(chunks, LOWER_RAD, UPPER_RAD), features


@cache
def _joints_at(x: float, y: float, z: float) -> np.ndarray:
    joints, _ = GraspPointIk().solve(np.array([x, y, z]), 0.0, np.array(HOME_RAD))
    return joints


def _timeline() -> ChunkTimeline:
    return ChunkTimeline(round(CONTROL_PERIOD_S * 1e9), _CHUNK, 0.6)


def make_workplace() -> Workplace:
    """Episodes of two seconds at most."""
    return Workplace(lambda: SeenEnv("reach", horizon=_HORIZON), None, BiasedBase(), _timeline, make_reward("v3"))
