"""The graph's policy path without the graph: policy, chunk timeline, residual, one call per control tick."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

import numpy as np

from so_arm.core.chunk import ActionChunk, ChunkTimeline

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
        if self._timeline.due(stamp_ns):
            images = {name: image_of(name) for name in self._policy.camera_names}
            actions = self._policy.predict_chunk(state_rad, images)
            self._timeline.add(ActionChunk(stamp_ns, self._timeline.period_ns, actions))
        step = self._timeline.at(stamp_ns)
        assert step is not None, "a chunk that answers this stamp was just added"
        if self._residual is None:
            return step.position
        _, action = self._residual.correct(state_rad, step.position)
        return action
