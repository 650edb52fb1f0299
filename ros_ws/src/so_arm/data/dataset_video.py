"""Videos of a dataset: how they are encoded, and the statistics of their pixels, in one pass over the frames."""

from __future__ import annotations

import errno
import os
import queue
import shutil
import tempfile
import threading
from collections.abc import Collection, Iterable, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from lerobot.configs import RGBEncoderConfig

#: Up to this height and width a small cube is a few pixels, whose colour must not be subsampled [px].
_SMALL_PX = 128
#: LeRobot takes the statistics of images of more than that from every n-th pixel [px].
_SAMPLED_PX = 160
_QUANTILES = (0.01, 0.10, 0.50, 0.90, 0.99)
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def video_encoder(sizes: Iterable[tuple[int, int]]) -> RGBEncoderConfig:
    """H.264 for cameras of these `sizes` (height, width) [px]; all videos of a dataset are encoded alike.

    Small images nearly without loss, and to the bit the same every time; larger ones as every player takes them, with a
    key frame per third of a second, so that training may jump.
    """
    if max((max(size) for size in sizes), default=0) <= _SMALL_PX:
        # Without its macroblock tree, x264 makes the same video of the same tiny images every time.
        exactly = {"x264-params": "mbtree=0"}
        return RGBEncoderConfig(
            vcodec="h264", pix_fmt="yuv444p", crf=10, g=30, preset="veryfast", extra_options=exactly
        )
    return RGBEncoderConfig(vcodec="h264", pix_fmt="yuv420p", crf=21, g=10, preset="veryfast")


class PixelStatistics:
    """LeRobot's statistics of images, exact: an 8 bit channel is its histogram."""

    def __init__(self) -> None:
        self._histogram = np.zeros((3, 256), np.int64)

    def add(self, image: np.ndarray) -> None:
        """image: (h, w, 3) uint8."""
        step = max(1, max(image.shape[:2]) // _SAMPLED_PX)
        sampled = np.ascontiguousarray(image[::step, ::step])
        for channel, counts in enumerate(self._histogram):
            counts += cv2.calcHist([sampled], [channel], None, [256], [0, 256]).ravel().astype(np.int64)

    def values(self) -> dict[str, np.ndarray] | None:
        """Per channel (3,), in 0..255; None without a frame."""
        count = int(self._histogram[0].sum())
        if not count:
            return None
        level = np.arange(256, dtype=np.float64)
        mean = self._histogram @ level / count
        square = self._histogram @ (level * level) / count
        share = np.cumsum(self._histogram, axis=1) / count
        found = {
            "min": np.argmax(self._histogram > 0, axis=1).astype(np.float64),
            "max": 255.0 - np.argmax(self._histogram[:, ::-1] > 0, axis=1),
            "mean": mean,
            "std": np.sqrt(np.maximum(square - mean * mean, 0.0)),
            "count": np.array([count]),
        }
        quantiles = {f"q{round(100 * q):02d}": np.argmax(share >= q, axis=1).astype(np.float64) for q in _QUANTILES}
        return found | quantiles


class VideoWriter:
    """One video, encoded in a thread of its own while frames come."""

    def __init__(self, path: Path, fps: int, config: RGBEncoderConfig, threads: int | None) -> None:
        self.path = path
        self.statistics = PixelStatistics()
        self.error: Exception | None = None
        self._fps, self._config, self._threads = fps, config, threads
        self._frames: queue.SimpleQueue[np.ndarray | None] = queue.SimpleQueue()
        self._cancelled = False
        self._thread = threading.Thread(target=self._work, name="video", daemon=True)
        self._thread.start()

    def add(self, image: np.ndarray) -> None:
        """image: (h, w, 3) uint8; not copied, so it must not change any more."""
        self._frames.put(image)

    @property
    def waiting(self) -> int:
        """Frames that are still to be encoded."""
        return self._frames.qsize()

    def finish(self) -> None:
        """Encode what is left, however long it takes; raises what went wrong, a full disk as OSError."""
        self._frames.put(None)
        self._thread.join()
        if self.error is not None:
            number = getattr(self.error, "errno", None)
            if number in _DISK_FULL:
                raise OSError(number, os.strerror(number), str(self.path)) from self.error
            raise self.error

    def cancel(self) -> None:
        self._cancelled = True
        self._frames.put(None)
        self._thread.join()

    def _work(self) -> None:
        try:
            self._encode()
        except Exception as error:
            self.error = error

    def _encode(self) -> None:
        image = self._frames.get()
        if image is None:
            return
        with av.open(str(self.path), "w") as container:
            options = self._config.get_codec_options(self._threads, as_strings=True)
            stream: Any = container.add_stream(self._config.vcodec, self._fps, options=options)
            stream.pix_fmt = self._config.pix_fmt
            stream.height, stream.width = image.shape[:2]
            period = Fraction(1, self._fps)  # the stream's own time base changes with the file's header
            stream.time_base = period
            number = 0
            while image is not None and not self._cancelled:
                frame = av.VideoFrame.from_ndarray(image, format="rgb24")
                frame.pts, frame.time_base = number, period
                container.mux(stream.encode(frame))
                self.statistics.add(image)
                number += 1
                image = self._frames.get()
            container.mux(stream.encode())


class VideoEncoders:
    """What LeRobot's dataset writer streams its frames to: in place of its own encoder, which copies each frame twice
    and spends as much time on statistics as on the encoding."""

    def __init__(self, fps: int, config: RGBEncoderConfig, threads: int | None) -> None:
        self._fps, self._config, self._threads = fps, config, threads
        self._videos: dict[str, VideoWriter] = {}

    @property
    def waiting(self) -> int:
        """Frames of the camera that is farthest behind."""
        return max((video.waiting for video in self._videos.values()), default=0)

    def start_episode(
        self, video_keys: Collection[str], temp_dir: Path, depth_video_keys: Collection[str] = ()
    ) -> None:
        for key in video_keys:
            path = Path(tempfile.mkdtemp(dir=temp_dir)) / f"{key}.mp4"
            self._videos[key] = VideoWriter(path, self._fps, self._config, self._threads)

    def feed_frame(self, video_key: str, image: np.ndarray) -> None:
        video = self._videos[video_key]
        if video.error is not None:
            video.finish()
        video.add(image)

    def finish_episode(self) -> Mapping[str, tuple[Path, dict[str, np.ndarray] | None]]:
        for video in self._videos.values():
            video.finish()
        done = {key: (video.path, video.statistics.values()) for key, video in self._videos.items()}
        self._videos = {}
        return done

    def cancel_episode(self) -> None:
        for video in self._videos.values():
            video.cancel()
            shutil.rmtree(video.path.parent, ignore_errors=True)
        self._videos = {}

    def close(self) -> None:
        self.cancel_episode()
