"""Frames of a device, a file or a stream, each with the time when it was captured; the newest frame wins."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from so_arm.core.errors import UserError

cv2.setNumThreads(1)

DEVICE, FILE, STREAM = "device", "file", "stream"
OPEN_TIMEOUT_MS = 5000
FIRST_BACK_OFF_S, LONGEST_BACK_OFF_S = 0.2, 5.0


class Frame(NamedTuple):
    stamp_ns: int  #: time.time_ns when it was captured
    number: int  #: counts from 0 over all captured frames
    bgr: np.ndarray  #: (height, width, 3) uint8


class Source(NamedTuple):
    """Where frames come from: `kind` is device, file or stream."""

    kind: str
    address: str

    @classmethod
    def parse(cls, text: str) -> Source:
        """A device index or path, a file, or a URL; UserError when a device or file does not exist."""
        if not text:
            raise UserError("camera source is empty; give a device (0, /dev/video0), a video file or a URL")
        if "://" in text:
            return cls(STREAM, text)
        path = Path(f"/dev/video{text}" if text.isdigit() else text).expanduser()
        if not path.exists():
            there = ", ".join(sorted(map(str, Path("/dev").glob("video*")))) or "none"
            raise UserError(f"camera source {text} does not exist; devices here: {there}")
        if path.is_dir():
            raise UserError(f"camera source {text} is a folder; give a video file")
        return cls(DEVICE if path.is_char_device() else FILE, str(path))


class Camera:
    """Captures in a thread of its own from construction until `close`.

    size: requested (width, height) of a device. fps: requested of a device, pace of a file (0: as it says).
    loop: start a file again at its end. Devices and streams that fail are opened again, with growing pauses.
    """

    def __init__(self, source: str, size: tuple[int, int], fps: float, loop: bool) -> None:
        self.counts: Counter[str] = Counter()
        self.actual_size: tuple[int, int] | None = None  #: (width, height) of the frames that come
        self.state = "opening"  #: opening, open, ended, or why it failed
        self._source = Source.parse(source)
        self._size, self._fps, self._loop = size, fps, loop
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._newest: Frame | None = None
        self._thread = threading.Thread(target=self._capture, name="capture", daemon=True)
        self._thread.start()

    def wait(self, timeout_s: float) -> Frame | None:
        """The newest frame that was not returned yet; None when there is none in time."""
        with self._changed:
            if self._newest is None:
                self._changed.wait(timeout_s)
            frame, self._newest = self._newest, None
            return frame

    def close(self) -> None:
        self._stopping.set()
        self._thread.join(OPEN_TIMEOUT_MS / 1000 + 1)

    def _capture(self) -> None:
        back_off_s = FIRST_BACK_OFF_S
        while not self._stopping.is_set():
            video = self._open()
            captured = self._read(video) if video.isOpened() else 0
            video.release()
            if self._source.kind == FILE:
                if captured and self._loop:
                    continue
                self.state = "ended" if captured else f"{self._source.address} is not a video that can be read"
                return
            if captured:
                back_off_s = FIRST_BACK_OFF_S
            self.state = f"{self._source.address} does not deliver; next try in {back_off_s:.1f} s"
            self.counts["reconnects"] += 1
            self._stopping.wait(back_off_s)
            back_off_s = min(2 * back_off_s, LONGEST_BACK_OFF_S)

    def _open(self) -> cv2.VideoCapture:
        if self._source.kind == STREAM:
            timeouts = [
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
                OPEN_TIMEOUT_MS,
                cv2.CAP_PROP_READ_TIMEOUT_MSEC,
                OPEN_TIMEOUT_MS,
            ]
            return cv2.VideoCapture(self._source.address, cv2.CAP_FFMPEG, timeouts)
        video = cv2.VideoCapture(self._source.address)
        if self._source.kind == DEVICE:
            width, height = self._size
            video.set(cv2.CAP_PROP_FRAME_WIDTH, width)
            video.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
            video.set(cv2.CAP_PROP_FPS, self._fps)
            video.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        return video

    def _read(self, video: cv2.VideoCapture) -> int:
        """Frames until the source fails or ends; returns how many there were."""
        period_s = 1.0 / (self._fps or video.get(cv2.CAP_PROP_FPS) or 30.0)
        deadline_s, captured = time.perf_counter(), 0
        while not self._stopping.is_set():
            if self._source.kind == FILE:
                self._stopping.wait(max(0.0, deadline_s - time.perf_counter()))
                deadline_s = max(deadline_s + period_s, time.perf_counter())
            if not video.grab():
                return captured
            stamp_ns = time.time_ns()
            intact, bgr = video.retrieve()
            if not intact:
                self.counts["broken_frames"] += 1
                continue
            captured += 1
            self._deliver(stamp_ns, bgr)
        return captured

    def _deliver(self, stamp_ns: int, bgr: np.ndarray) -> None:
        self.state = "open"
        self.actual_size = bgr.shape[1], bgr.shape[0]
        with self._changed:
            if self._newest is not None:
                self.counts["frames_overwritten"] += 1
            self._newest = Frame(stamp_ns, self.counts["frames"], bgr)
            self.counts["frames"] += 1
            self._changed.notify()
