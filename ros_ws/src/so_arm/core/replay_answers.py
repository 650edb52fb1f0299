"""What the graph answers to the replayed observations of one episode, from messages in any order to `Predictions`."""

from __future__ import annotations

import numpy as np

from so_arm.core.chunk import ActionChunk, ChunkTimeline
from so_arm.core.joints import NUM_JOINTS
from so_arm.core.predictions import Predictions

BASE, RESIDUAL, ACTION = "base_action", "residual_action", "action"
KINDS = (BASE, RESIDUAL, ACTION)


class ReplayAnswers:
    """Answers to the observations stamped `stamps_ns` (T,).

    timeline: an empty one with the settings of the nodes that answer; it tells which observations get a chunk, and
    that a chunk which nobody waited for does not count, as it does in the graph.
    """

    def __init__(self, stamps_ns: np.ndarray, timeline: ChunkTimeline) -> None:
        self._stamps = [int(stamp) for stamp in stamps_ns]
        self._tick = {stamp: tick for tick, stamp in enumerate(self._stamps)}
        self._timeline = timeline
        self._chunks: list[tuple[int, np.ndarray]] = []
        self._values = {kind: np.full((len(stamps_ns), NUM_JOINTS), np.nan) for kind in KINDS}
        self._there = {kind: np.zeros(len(stamps_ns), bool) for kind in KINDS}

    def chunk(self, chunk: ActionChunk) -> None:
        tick = self._tick.get(chunk.stamp_ns)
        if tick is not None and self._timeline.due(chunk.stamp_ns) and self._timeline.add(chunk):
            self._chunks.append((tick, chunk.actions))

    def step(self, kind: str, stamp_ns: int, position: np.ndarray) -> None:
        """`position`: (6,) [rad] of the topic `kind`; an answer that comes again replaces the first one."""
        tick = self._tick.get(stamp_ns)
        if tick is not None:
            self._values[kind][tick] = position
            self._there[kind][tick] = True

    def missing(self, tick: int) -> list[str]:
        """What is still to come for the observation of `tick`, where all before it are answered."""
        absent = [kind for kind in KINDS if not self._there[kind][tick]]
        return ["action_chunk", *absent] if self._timeline.due(self._stamps[tick]) else absent

    def predictions(self) -> Predictions:
        """Only when nothing is missing."""
        values = self._values
        fresh = np.ones(len(self._stamps), bool)  # every chunk that is due is waited for
        return Predictions(list(self._chunks), values[BASE], values[RESIDUAL], values[ACTION], fresh)
