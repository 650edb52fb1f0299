"""The action chunk timeline: which step of which chunk answers time t, and how a new chunk takes over.

The names and the arithmetic of the settings are those of LeRobot's asynchronous inference
(``actions_per_chunk``, ``chunk_size_threshold``, ``aggregate_fn_name``), so that settings carry over.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from so_arm.core.errors import UserError, choice_error
from so_arm.core.joints import JOINT_NAMES, NUM_JOINTS

Aggregate = Callable[[np.ndarray, np.ndarray], np.ndarray]

#: (old (n, 6), new (n, 6)) -> (n, 6), for the steps that both chunks answer; the same as LeRobot's.
AGGREGATE_FUNCTIONS: dict[str, Aggregate] = {
    "weighted_average": lambda old, new: 0.3 * old + 0.7 * new,
    "latest_only": lambda old, new: new,
    "average": lambda old, new: 0.5 * old + 0.5 * new,
    "conservative": lambda old, new: 0.7 * old + 0.3 * new,
}


def no_features() -> np.ndarray:
    """(0,) float32."""
    return np.empty(0, np.float32)


@dataclass(frozen=True, eq=False)
class ActionChunk:
    """Joint targets that answer the observation stamped `stamp_ns`.

    Step i is the command for the control tick at ``stamp_ns + i * period_ns``.
    `actions`: (n, 6) [rad] in ``JOINT_NAMES`` order; kept as a read-only copy.
    `features`: (k,) float32, what the policy saw in that observation; empty for a policy that does not tell.
    """

    stamp_ns: int
    period_ns: int
    actions: np.ndarray
    features: np.ndarray = field(default_factory=no_features)

    def __post_init__(self) -> None:
        actions = np.array(self.actions, dtype=np.float64)
        if actions.ndim != 2 or actions.shape[0] < 1 or actions.shape[1] != NUM_JOINTS:
            raise UserError(f"action chunk: shape {actions.shape}, expected (n, {NUM_JOINTS}) with n >= 1")
        if not np.isfinite(actions).all():
            step, joint = np.argwhere(~np.isfinite(actions))[0]
            raise UserError(f"action chunk: step {step} of {JOINT_NAMES[joint]} is {actions[step, joint]}")
        if self.period_ns <= 0:
            raise UserError(f"action chunk: period {self.period_ns} ns, expected more than 0")
        features = np.array(self.features, dtype=np.float32)
        if features.ndim != 1 or not np.isfinite(features).all():
            raise UserError(f"action chunk: features of shape {features.shape}, expected (k,) finite numbers")
        for name, values in (("actions", actions), ("features", features)):
            values.setflags(write=False)
            object.__setattr__(self, name, values)


class TimelineStep(NamedTuple):
    """The command for one control tick and where it came from."""

    position: np.ndarray  #: (6,) [rad], read-only
    step: int  #: index into its chunk
    chunk_stamp_ns: int
    plan: np.ndarray  #: (m, 6) [rad], read-only: the steps from this one on; plan[0] is `position`
    features: np.ndarray  #: (k,) float32, read-only: those of the chunk


class ChunkTimeline:
    """Chunks laid on the time axis of the control ticks.

    period_ns: control period. Observations need not fall on exact multiples of it: the nearest step answers.
    actions_per_chunk: at most this many steps of each chunk are used.
    chunk_size_threshold: a new chunk is due when at most this share (0..1) of the steps is left.
    aggregate_fn_name: how the steps of an old and a new chunk that answer the same tick become one.
    """

    def __init__(
        self,
        period_ns: int,
        actions_per_chunk: int = 50,
        chunk_size_threshold: float = 0.6,
        aggregate_fn_name: str = "latest_only",
    ) -> None:
        if period_ns <= 0:
            raise UserError(f"period_ns is {period_ns}, expected more than 0")
        if actions_per_chunk < 1:
            raise UserError(f"actions_per_chunk is {actions_per_chunk}, expected at least 1")
        if not 0.0 <= chunk_size_threshold <= 1.0:
            raise UserError(f"chunk_size_threshold is {chunk_size_threshold}, expected 0.0 to 1.0")
        if aggregate_fn_name not in AGGREGATE_FUNCTIONS:
            raise choice_error("aggregate_fn_name", aggregate_fn_name, AGGREGATE_FUNCTIONS)
        self.period_ns = period_ns
        self.actions_per_chunk = actions_per_chunk
        self.chunk_size_threshold = chunk_size_threshold
        self.aggregate_fn_name = aggregate_fn_name
        self._aggregate = AGGREGATE_FUNCTIONS[aggregate_fn_name]
        self.reset()

    def reset(self) -> None:
        """Forget every chunk: a new episode."""
        self._stamp_ns: int | None = None
        self._plan: np.ndarray = np.empty((0, NUM_JOINTS))
        self._features: np.ndarray = no_features()

    def add(self, chunk: ActionChunk) -> bool:
        """Let `chunk` take over; False when it is not newer than the current one and was dropped."""
        if abs(chunk.period_ns - self.period_ns) * 100 > self.period_ns:
            raise UserError(
                f"action chunk: its period {chunk.period_ns} ns does not match the control period {self.period_ns} ns"
            )
        if self._stamp_ns is not None and chunk.stamp_ns <= self._stamp_ns:
            return False
        plan = chunk.actions[: self.actions_per_chunk].copy()
        if self._stamp_ns is not None:
            overlap = self._plan[self._step(chunk.stamp_ns) :][: len(plan)]
            if len(overlap):
                plan[: len(overlap)] = self._aggregate(overlap, plan[: len(overlap)])
        plan.setflags(write=False)
        self._stamp_ns, self._plan, self._features = chunk.stamp_ns, plan, chunk.features
        return True

    def at(self, stamp_ns: int) -> TimelineStep | None:
        """Command for the tick at `stamp_ns`, or None when no chunk reaches it."""
        if self._stamp_ns is None:
            return None
        step = self._step(stamp_ns)
        if not 0 <= step < len(self._plan):
            return None
        return TimelineStep(self._plan[step], step, self._stamp_ns, self._plan[step:], self._features)

    def due(self, stamp_ns: int) -> bool:
        """True when the observation stamped `stamp_ns` should be answered by a new chunk."""
        if self._stamp_ns is None:
            return True
        left = len(self._plan) - self._step(stamp_ns)
        # The small term keeps e.g. 0.6 * 50 == 30 true whatever the product rounds to.
        return left <= 0 or left <= self.chunk_size_threshold * len(self._plan) + 1e-9

    def has_chunk(self, stamp_ns: int) -> bool:
        """True when the current chunk answers exactly the observation stamped `stamp_ns`."""
        return self._stamp_ns == stamp_ns

    def _step(self, stamp_ns: int) -> int:
        """Nearest step of the current chunk; may lie outside of it."""
        assert self._stamp_ns is not None
        return (2 * (stamp_ns - self._stamp_ns) + self.period_ns) // (2 * self.period_ns)
