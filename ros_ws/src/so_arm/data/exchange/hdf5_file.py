"""A file for h5py to write to that outlives a full disk: HDF5 itself may end the process when it cannot close one."""

from __future__ import annotations

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py


class PatientFile(io.FileIO):
    """Keeps the first error of the disk in `error`, and takes everything after it without writing it."""

    error: OSError | None = None

    def check(self) -> None:
        if self.error is not None:
            raise self.error

    def write(self, data: Any) -> int:
        left = memoryview(data).cast("B")
        size = len(left)
        try:
            while self.error is None and len(left):
                left = left[super().write(left) or 0 :]
        except OSError as error:
            self.error = error
        return size

    def truncate(self, size: int | None = None) -> int:
        try:
            return super().truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size or 0


@contextmanager
def new_hdf5(path: Path) -> Iterator[tuple[h5py.File, PatientFile]]:
    """A new file; the error of the disk, if there was one, is raised at the end of the block."""
    with PatientFile(str(path), "x+") as raw:
        with h5py.File(raw, "w") as file:
            yield file, raw
        raw.check()
