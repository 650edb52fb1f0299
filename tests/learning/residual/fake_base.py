"""Everything that a residual is trained with on `reach`, without a trained policy and without pictures.

The base sees the target itself, plans a straight way of the joints there, and is off by a constant.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import numpy as np

from so_arm.core.chunk import ChunkTimeline
from so_arm.core.clock import CONTROL_PERIOD_S
from so_arm.core.joints import LOWER_RAD, UPPER_RAD
from so_arm.learning.residual.episodes import Workplace
from so_arm.learning.residual.settings import ResidualSettings
from so_arm.rewards.registry import make_reward
from so_arm.sim.env import SoArmEnv
from so_arm.sim.expert import make_expert
from so_arm.sim.ik import GraspPointIk
from so_arm.sim.start import HOME_RAD

#: How far off every joint of the biased base is [rad]; within the default bound, which is 0.17 rad and more. Together
#: with what the servos sag, it makes five of six episodes fail.
OFFSET_RAD = np.array([0.05, 0.05, -0.05, 0.05, 0.0, 0.0])
CHUNK = 50
_REACHED_AFTER = 20
FEATURES = 9


class SeenEnv(SoArmEnv):
    """`reach`, whose camera gives the target [m] in place of a picture."""

    def __init__(self, horizon: int | None = None) -> None:
        super().__init__("reach", horizon=horizon)

    def camera_image(self, camera: str) -> np.ndarray:
        return self.task.observe()


class BiasedBase:
    """Features: joint positions and target, as a policy's encoder has them."""

    camera_names = ("static",)
    feature_size = FEATURES

    def __init__(self, offset_rad: np.ndarray = OFFSET_RAD) -> None:
        self._offset = offset_rad

    def predict_batch(self, states_rad: np.ndarray, images: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        targets = images["static"]
        goals = np.stack([_joints_at(*target) for target in targets])
        share = np.minimum(np.arange(1, CHUNK + 1) / _REACHED_AFTER, 1.0)[None, :, None]
        chunks = states_rad[:, None] + share * (goals - states_rad)[:, None] + self._offset
        features = np.concatenate((states_rad, targets), axis=1).astype(np.float32)
        return np.clip(chunks, LOWER_RAD, UPPER_RAD), features


@cache
def _joints_at(x: float, y: float, z: float) -> np.ndarray:
    joints, _ = GraspPointIk().solve(np.array([x, y, z]), 0.0, np.array(HOME_RAD))
    return joints


def make_timeline() -> ChunkTimeline:
    return ChunkTimeline(round(CONTROL_PERIOD_S * 1e9), CHUNK, 0.6)


def make_workplace(offset_rad: np.ndarray = OFFSET_RAD, reward: str = "v3", horizon: int | None = 60) -> Workplace:
    return Workplace(
        make_env=lambda: SeenEnv(horizon),
        make_expert=make_expert,
        policy=BiasedBase(offset_rad),
        make_timeline=make_timeline,
        reward=make_reward(reward),
    )


def small_settings(**changes: object) -> ResidualSettings:
    values: dict[str, object] = {
        "task": "reach",
        "hidden": 64,
        "ensemble": 2,
        "batch_size": 64,
        "episodes_per_round": 4,
        "demonstrations": 0,
        "warmup_episodes": 4,
        "critic_warmup": 20,
        "clone_updates": 10,
        "estimator_updates": 20,
        "estimator_refit_every": 0,
        "updates_per_step": 0.1,
        "precision": "fp32",
    }
    return ResidualSettings(**(values | changes))  # type: ignore[arg-type]
