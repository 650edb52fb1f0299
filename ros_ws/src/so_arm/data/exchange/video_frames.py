"""The frames of one episode, decoded one after the other when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
import pyarrow as pa

from so_arm.core.errors import UserError


@dataclass(frozen=True)
class VideoClip:
    """`count` frames of `video` from `start_s` on, (h, w, 3) uint8 RGB.

    In their order, whatever their stamps: other programs are less exact about those than `data.recordings` has to be.
    """

    video: Path
    start_s: float
    fps: float
    count: int

    def __iter__(self) -> Iterator[np.ndarray]:
        if not self.video.is_file():
            raise UserError(f"{self.video} is missing from the dataset")
        found = 0
        try:
            for image in self._decoded():
                yield image
                found += 1
                if found == self.count:
                    return
        except av.FFmpegError as error:
            raise UserError(f"{self.video} cannot be decoded: {error}") from error
        raise UserError(f"{self.video} has {found} of the {self.count} frames from {self.start_s:.2f} s on")

    def _decoded(self) -> Iterator[np.ndarray]:
        av.logging.set_libav_level(av.logging.FATAL)  # the error says it all
        with av.open(str(self.video)) as container:
            if not container.streams.video:
                raise UserError(f"{self.video} cannot be decoded: it holds no video")
            stream = container.streams.video[0]
            if self.start_s > 0 and stream.time_base:
                container.seek(int(self.start_s / stream.time_base), stream=stream)
            for frame in container.decode(stream):
                if (frame.time or 0.0) >= self.start_s - 0.5 / self.fps:
                    yield frame.to_ndarray(format="rgb24")


@dataclass(frozen=True)
class StoredImages:
    """Images that lie encoded in the rows of a table: column of {bytes, path}."""

    column: pa.ChunkedArray
    where: str

    def __iter__(self) -> Iterator[np.ndarray]:
        for row, cell in enumerate(self.column):
            yield decoded(cell.as_py()["bytes"] or b"", f"{self.where}, row {row}")


def decoded(data: bytes, where: str) -> np.ndarray:
    """A JPEG or PNG -> (h, w, 3) uint8 RGB."""
    image = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if image is None:
        raise UserError(f"{where}: the image cannot be decoded")
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
