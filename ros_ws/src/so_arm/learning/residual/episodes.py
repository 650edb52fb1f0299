"""What training asks of a collector, and what it gets: whole episodes as flat arrays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple, Protocol

import numpy as np

from so_arm.core.chunk import ChunkTimeline
from so_arm.learning.evaluation import Environment
from so_arm.rewards.registry import RewardFunction

Weights = dict[str, np.ndarray]


class Kind(StrEnum):
    """Who drives."""

    demonstration = "demonstration"  # the expert, held within the bound around the base
    disturbed = "disturbed"  # the base with held random corrections
    exploration = "exploration"  # the actor with noise
    evaluation = "evaluation"  # the actor as it is


class TrainingEnvironment(Environment, Protocol):
    """What is asked of an environment, e.g. `so_arm.sim.env.SoArmEnv`; its info has the `RewardState` as ``state``."""

    def hold(self) -> tuple[Mapping[str, np.ndarray], float, bool, bool, dict[str, Any]]: ...


class BatchPolicy(Protocol):
    """What is asked of a base policy, e.g. `so_arm.learning.act.policy.ActPolicy`."""

    @property
    def camera_names(self) -> Sequence[str]: ...

    @property
    def feature_size(self) -> int: ...

    def predict_batch(
        self, states_rad: np.ndarray, images: Mapping[str, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]: ...


class Demonstrator(Protocol):
    """Knows what to do in one episode of an environment, e.g. `so_arm.sim.expert.Expert`."""

    def act(self) -> np.ndarray:
        """Joint targets (6,) [rad]."""


@dataclass(frozen=True)
class Workplace:
    """Everything that episodes are made with; built in the process that uses it."""

    make_env: Callable[[], TrainingEnvironment]
    make_expert: Callable[[Any], Demonstrator] | None
    policy: BatchPolicy
    make_timeline: Callable[[], ChunkTimeline]
    reward: RewardFunction


class Order(NamedTuple):
    """Episodes to be carried out side by side."""

    seeds: list[int]
    kind: Kind
    actor: Weights | None = None
    estimator: Weights | None = None
    scale: float = 1.0  #: share of the bound in use


@dataclass
class Episode:
    """One finished episode of T ticks, in which the base planned C times.

    The last row of `body`, `privileged` and `frame` is the state after the last tick.
    """

    seed: int
    success: bool
    failure: str | None
    terminated: bool
    episode_reward: float  #: sum of the task's reward
    body: np.ndarray  #: (T + 1, BODY_SIZE) float32
    privileged: np.ndarray  #: (T + 1, PRIVILEGED_SIZE) float32
    action: np.ndarray  #: (T, 6) float32, as executed: base + residual, clipped; normalised by the joint limits
    reward: np.ndarray  #: (T,) float32, what the critics learn
    frame: np.ndarray  #: (T + 1,) which of the C plans
    features: np.ndarray  #: (C, k) float16
    places: np.ndarray  #: (C, 6) float32 [m], the truth
    estimated: np.ndarray  #: (C, 6) float32 [m]

    @property
    def steps(self) -> int:
        return len(self.reward)
