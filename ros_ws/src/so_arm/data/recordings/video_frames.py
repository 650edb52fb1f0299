"""Single frames of a video file, decoded when they are asked for; best asked for in their order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np

from so_arm.core.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.container import InputContainer

#: Decoding on to a frame this near is not slower than seeking to the key frame before it.
_NEAR_FRAMES = 30


class VideoFrames:
    """Frames of one video of constant rate, numbered from 0. fps: frames per second."""

    def __init__(self, path: Path, fps: float) -> None:
        self.path, self._fps = path, fps
        self._container: InputContainer | None = None
        self._next = 0  # at least: number of the frame that the decoder gives next
        self._decoded: Iterator[av.VideoFrame] = iter(())
        self._shown: tuple[int, np.ndarray] | None = None

    def frame(self, number: int) -> np.ndarray:
        """Frame `number` as (h, w, 3) uint8 RGB; UserError when the file does not have it."""
        if self._shown is None or self._shown[0] != number:
            try:
                self._shown = number, self._decode(number)
            except (av.FFmpegError, OSError, StopIteration) as error:
                reason = getattr(error, "strerror", None) or "it ends before"
                raise UserError(f"{self.path} is damaged: frame {number} cannot be read ({reason})") from error
        return self._shown[1]

    def close(self) -> None:
        if self._container is not None:
            self._container.close()
            self._container = None

    def _decode(self, number: int) -> np.ndarray:
        if self._container is None or not self._next <= number <= self._next + _NEAR_FRAMES:
            self._seek(number)
        while True:
            frame = next(self._decoded)
            assert frame.pts is not None and frame.time_base is not None
            at = round(frame.pts * frame.time_base * self._fps)
            self._next = at + 1
            if at == number:
                return frame.to_ndarray(format="rgb24")
            if at > number:
                raise StopIteration

    def _seek(self, number: int) -> None:
        """Let the decoder go on from the last key frame that is not after `number`."""
        if self._container is None:
            self._container = av.open(str(self.path))
        stream = self._container.streams.video[0]
        assert stream.time_base is not None
        self._container.seek(round(number / self._fps / stream.time_base), stream=stream)
        self._decoded = self._container.decode(stream)
