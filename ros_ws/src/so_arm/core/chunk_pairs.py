"""Action chunks and the features of the same observation, which come as two messages in either order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from so_arm.core.chunk import ActionChunk
from so_arm.core.errors import UserError

#: A chunk that is alone for longer has lost its features [s].
PATIENCE_S = 0.5


class ChunkPairs:
    """Gives a chunk on once it has its features; of what comes alone, the newest is kept.

    size: length of the features; 0: none are wanted, and a chunk is given on at once.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self.reset()

    def reset(self) -> None:
        """A new episode."""
        self._chunk: ActionChunk | None = None
        self._features: tuple[int, np.ndarray] | None = None
        self._alone_since_s: float | None = None

    def chunk(self, chunk: ActionChunk, now_s: float) -> ActionChunk | None:
        """`chunk` with its features, or None while they are not there. now_s: on a clock that only rises."""
        if self._size == 0:
            return chunk
        self._chunk = chunk
        if self._alone_since_s is None:
            self._alone_since_s = now_s
        return self._pair()

    def features(self, stamp_ns: int, features: np.ndarray) -> ActionChunk | None:
        """The chunk of the same stamp with these `features` (k,), or None while it is not there.

        UserError for another length than expected.
        """
        if features.shape != (self._size,):
            raise UserError(f"features: {features.size} numbers, the residual expects {self._size}")
        self._features = stamp_ns, features
        return self._pair()

    def alone_s(self, now_s: float) -> float:
        """For how long chunks have been coming without their features; 0 while all is well."""
        alone_s = 0.0 if self._alone_since_s is None else now_s - self._alone_since_s
        return alone_s if alone_s > PATIENCE_S else 0.0

    def _pair(self) -> ActionChunk | None:
        if self._chunk is None or self._features is None or self._chunk.stamp_ns != self._features[0]:
            return None
        whole = replace(self._chunk, features=self._features[1])
        self.reset()
        return whole
