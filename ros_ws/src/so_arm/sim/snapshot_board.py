"""The newest snapshot of a scene in memory that several processes share; writing never waits."""

from __future__ import annotations

import multiprocessing
from typing import Any

import numpy as np

_CONTEXT = multiprocessing.get_context("spawn")


class SnapshotBoard:
    """One writer, any readers; `size` numbers. Hand it to a spawned process as an argument."""

    def __init__(self, size: int) -> None:
        self._numbers = _CONTEXT.RawArray("d", size)
        #: Odd while it is being written.
        self._version = _CONTEXT.RawValue("L", 0)
        self._open()

    def __getstate__(self) -> dict[str, Any]:
        return {"_numbers": self._numbers, "_version": self._version}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._open()

    def _open(self) -> None:
        self._values = np.frombuffer(self._numbers)

    def write(self, *parts: np.ndarray) -> None:
        """Arrays that together have `size` numbers."""
        self._version.value += 1
        start = 0
        for part in parts:
            self._values[start : start + len(part)] = part
            start += len(part)
        self._version.value += 1

    def read(self) -> np.ndarray:
        """(size,), a copy that is never half of one and half of another."""
        while True:
            before = self._version.value
            values = self._values.copy()
            if before % 2 == 0 and before == self._version.value:
                return values
