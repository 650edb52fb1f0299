"""The graph's policy path without the graph: policy, chunk timeline, residual, one call per control tick."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np

from so_arm.core.chunk import ActionChunk, ChunkTimeline
from so_arm.core.joints import NUM_JOINTS

Image = np.ndarray  # (h, w, 3) uint8


class ChunkPolicy(Protocol):
    """What is asked of a policy, e.g. `so_arm.learning.act.policy.ActPolicy`."""

    @property
    def camera_names(self) -> Sequence[str]: ...

    def predict_chunk(self, state_rad: np.ndarray, images: dict[str, Image]) -> np.ndarray:
        """(6,) [rad] and one image per camera to the next joint targets (n, 6) [rad]."""

    def reset(self) -> None: ...


class ActionCorrector(Protocol):
    """What is asked of a residual, e.g. `so_arm.learning.residual.corrector.Residual`."""

    def correct(self, state_rad: np.ndarray, base: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Joint positions (6,) and base action (6,) to (residual (6,), action (6,)) [rad]."""


class Answer(NamedTuple):
    """What one observation is answered with, all [rad]."""

    base: np.ndarray  #: (6,) the step of the chunk
    residual: np.ndarray  #: (6,) zero without a residual
    action: np.ndarray  #: (6,) their sum
    new_chunk: np.ndarray | None  #: (n, 6) the policy's chunk, where a new one was due


_NO_RESIDUAL = np.zeros(NUM_JOINTS)


class PolicyController:
    """Acts as `act_policy` and `residual_corrector` do in lockstep, on the same timeline code.

    Without `residual` the base action is passed on as it is.
    """

    def __init__(self, policy: ChunkPolicy, timeline: ChunkTimeline, residual: ActionCorrector | None = None) -> None:
        self._policy = policy
        self._timeline = timeline
        self._residual = residual

    def reset(self) -> None:
        """Forget chunks and policy state: a new episode."""
        self._timeline.reset()
        self._policy.reset()

    def act(self, stamp_ns: int, state_rad: np.ndarray, image_of: Callable[[str], Image]) -> np.ndarray:
        """Joint targets (6,) [rad] for the observation stamped `stamp_ns`.

        state_rad: (6,). image_of: camera name to its image; asked only when a new chunk is due.
        """
        return self.decide(stamp_ns, state_rad, image_of).action

    def decide(self, stamp_ns: int, state_rad: np.ndarray, image_of: Callable[[str], Image]) -> Answer:
        """`act`, and how it came to its targets."""
        new_chunk = None
        if self._timeline.due(stamp_ns):
            images = {name: image_of(name) for name in self._policy.camera_names}
            new_chunk = self._policy.predict_chunk(state_rad, images)
            self._timeline.add(ActionChunk(stamp_ns, self._timeline.period_ns, new_chunk))
        step = self._timeline.at(stamp_ns)
        assert step is not None, "a chunk that answers this stamp was just added"
        base = step.position
        if self._residual is None:
            return Answer(base, _NO_RESIDUAL, base, new_chunk)
        residual, action = self._residual.correct(state_rad, base)
        return Answer(base, residual, action, new_chunk)
