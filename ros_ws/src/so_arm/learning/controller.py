"""The graph's policy path without the graph: policy, chunk timeline, residual, one call per control tick."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from so_arm.core.chunk import ActionChunk, ChunkTimeline
from so_arm.core.chunk_follower import ChunkFollower
from so_arm.core.joints import NUM_JOINTS
from so_arm.core.policy_tick import PolicyTick

Image = np.ndarray  # (h, w, 3) uint8


class Prediction(NamedTuple):
    """What a policy answers to one observation."""

    chunk: np.ndarray  #: (n, 6) [rad], the next joint targets
    features: np.ndarray  #: (k,) float32, what it saw; k = 0 for a policy without features


class ChunkPolicy(Protocol):
    """What is asked of a policy, e.g. `so_arm.learning.act.policy.ActPolicy`."""

    @property
    def camera_names(self) -> Sequence[str]: ...

    @property
    def feature_size(self) -> int: ...

    def predict(self, state_rad: np.ndarray, images: dict[str, Image]) -> Prediction:
        """Joint positions (6,) [rad] and one image per camera to the next joint targets."""

    def reset(self) -> None: ...


class ActionCorrector(Protocol):
    """What is asked of a residual, e.g. `so_arm.learning.residual.corrector.Residual`."""

    def reset(self) -> None:
        """A new episode."""

    def correct(self, tick: PolicyTick) -> tuple[np.ndarray, np.ndarray]:
        """Residual (6,) and action (6,) [rad]."""


class ExecutedStep(NamedTuple):
    """Joint targets of one tick and where they come from, (6,) [rad] each; ``action == base + residual``."""

    base: np.ndarray
    residual: np.ndarray
    action: np.ndarray


class Answer(NamedTuple):
    """What one observation led to."""

    step: ExecutedStep | None  #: None: no chunk reaches this tick
    new_chunk: np.ndarray | None  #: (n, 6) [rad], where the policy was asked for one
    fresh: bool  #: no chunk is overdue


_NO_RESIDUAL = np.zeros(NUM_JOINTS)


class PolicyController:
    """Acts as `act_policy` and `residual_corrector` do, on the same timeline code.

    Without `residual` the base action is passed on as it is. delay: control periods from an observation until its
    chunk is there; with 0 each tick is answered, as in lockstep.
    """

    def __init__(
        self, policy: ChunkPolicy, timeline: ChunkTimeline, residual: ActionCorrector | None = None, delay: int = 0
    ) -> None:
        self._policy = policy
        self._chunks = ChunkFollower(timeline, delay)
        self._residual = residual

    def reset(self) -> None:
        """Forget chunks, policy and residual state: a new episode."""
        self._chunks.reset()
        self._policy.reset()
        if self._residual is not None:
            self._residual.reset()

    def act(self, stamp_ns: int, state_rad: np.ndarray, image_of: Callable[[str], Image]) -> np.ndarray:
        """Joint targets (6,) [rad] for the observation stamped `stamp_ns`; only without delay.

        state_rad: (6,). image_of: camera name to its image; asked only when a new chunk is due.
        """
        step = self.decide(stamp_ns, state_rad, image_of).step
        assert step is not None, "without delay a chunk answers every stamp"
        return step.action

    def decide(self, stamp_ns: int, state_rad: np.ndarray, image_of: Callable[[str], Image]) -> Answer:
        """`act`, and how it came to its targets."""
        new_chunk = None
        if self._chunks.due(stamp_ns):
            images = {name: image_of(name) for name in self._policy.camera_names}
            new_chunk, features = self._policy.predict(state_rad, images)
            self._chunks.add(ActionChunk(stamp_ns, self._chunks.period_ns, new_chunk, features))
        return Answer(self._step(stamp_ns, state_rad), new_chunk, not self._chunks.waiting)

    def _step(self, stamp_ns: int, state_rad: np.ndarray) -> ExecutedStep | None:
        step = self._chunks.at(stamp_ns)
        if step is None:
            return None
        base = step.position
        if self._residual is None:
            return ExecutedStep(base, _NO_RESIDUAL, base)
        residual, action = self._residual.correct(PolicyTick.of(stamp_ns, state_rad, step))
        return ExecutedStep(base, residual, action)
