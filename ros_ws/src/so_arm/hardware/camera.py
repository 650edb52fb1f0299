"""Frames of a device, a file or a stream, each with the time when it was captured; the newest frame wins."""

from __future__ import annotations

import threading
import time
from collections import Counter
from typing import NamedTuple

import cv2
import numpy as np

from so_arm.core.clock import date_ns
from so_arm.hardware.camera_source import FILE, STREAM, Source, SourceLost
from so_arm.hardware.frame_rate import FrameRate
from so_arm.hardware.mjpeg_reader import MjpegReader
from so_arm.hardware.video_reader import VideoReader

cv2.setNumThreads(1)

#: An attempt costs nothing, and an arm waits: a source that is back is found within the longest pause.
FIRST_BACK_OFF_S, LONGEST_BACK_OFF_S = 0.1, 1.0
CLOSE_TIMEOUT_S = 1.5


class Frame(NamedTuple):
    stamp_ns: int  #: core.clock.date_ns when it was captured
    number: int  #: counts from 0 over all captured frames
    bgr: np.ndarray  #: (height, width, 3) uint8


class Camera:
    """Captures in a thread of its own from construction until `close`.

    size: requested (width, height) of a device. fps: requested of a device, pace of a file (0: as it says).
    loop: start a file again at its end. Devices and streams that fail, or give no frame for `stall_timeout_s`, are
    opened again, with growing pauses.
    """

    def __init__(
        self, source: str, size: tuple[int, int], fps: float, loop: bool, stall_timeout_s: float = 1.0
    ) -> None:
        self.counts: Counter[str] = Counter()
        self.rate = FrameRate()  #: of the frames that come
        self.actual_size: tuple[int, int] | None = None  #: (width, height) of the frames that come
        self._state = "opening"
        self._source = Source.parse(source)
        self._size, self._fps, self._loop, self._stall_timeout_s = size, fps, loop, stall_timeout_s
        self._stopping = threading.Event()
        self._changed = threading.Condition()
        self._newest: Frame | None = None
        self._newest_s = time.monotonic()  # when the last frame came
        self._reader: MjpegReader | VideoReader | None = None
        self._thread = threading.Thread(target=self._capture, name="capture", daemon=True)
        self._thread.start()

    @property
    def state(self) -> str:
        """opening, open, ended, closed, or one line that says what is wrong."""
        state, age_s = self._state, time.monotonic() - self._newest_s
        if (
            self._source.kind == FILE
            or state in ("opening", "closed")
            or (state == "open" and age_s <= self._stall_timeout_s)
        ):
            return state
        problem = f"{self._source} delivers nothing" if state == "open" else state
        return f"{problem}; no frame for {age_s:.1f} s"

    def wait(self, timeout_s: float) -> Frame | None:
        """The newest frame that was not returned yet; None when there is none in time."""
        with self._changed:
            if self._newest is None:
                self._changed.wait(timeout_s)
            frame, self._newest = self._newest, None
            return frame

    def close(self) -> None:
        """Returns soon, even when the source hangs: a thread that waits in OpenCV is left behind then."""
        self._stopping.set()
        if reader := self._reader:
            reader.interrupt()
        self._thread.join(CLOSE_TIMEOUT_S)

    def _capture(self) -> None:
        back_off_s = FIRST_BACK_OFF_S
        while not self._stopping.is_set():
            before, reason = self.counts["frames"], ""
            try:
                self._read()
            except SourceLost as error:
                reason = str(error)
            captured = self.counts["frames"] - before
            if self._source.kind == FILE:
                if captured and self._loop:
                    continue
                self._state = "ended" if captured else f"{self._source} is not a video that can be read"
                return
            if captured:
                back_off_s = FIRST_BACK_OFF_S
            self._state = reason or "closed"
            self.counts["reconnects"] += 1
            self._stopping.wait(back_off_s)
            back_off_s = min(2 * back_off_s, LONGEST_BACK_OFF_S)

    def _open(self) -> MjpegReader | VideoReader:
        reader = None
        if self._source.kind == STREAM and self._source.address.startswith("http"):
            reader = MjpegReader.open(self._source, self._stall_timeout_s)
        return reader or VideoReader(self._source, self._size, self._fps, self._stall_timeout_s)

    def _read(self) -> None:
        """Frames until the source fails or ends, which is SourceLost."""
        self._reader = reader = self._open()
        self.rate.restart()
        try:
            period_s = 1.0 / (self._fps or (isinstance(reader, VideoReader) and reader.fps) or 30.0)
            deadline_s = time.perf_counter()
            while not self._stopping.is_set():
                if self._source.kind == FILE:
                    self._stopping.wait(max(0.0, deadline_s - time.perf_counter()))
                    deadline_s = max(deadline_s + period_s, time.perf_counter())
                reader.grab()
                stamp_ns = date_ns()
                self._take(stamp_ns, reader)
        finally:
            self._reader = None
            reader.close()

    def _take(self, stamp_ns: int, reader: MjpegReader | VideoReader) -> None:
        bgr = reader.decode()
        self.counts["frames_skipped"] += reader.skipped
        reader.skipped = 0
        if bgr is None:
            self.counts["broken_frames"] += 1
            return
        self.actual_size = bgr.shape[1], bgr.shape[0]
        self.rate.count()
        with self._changed:
            if self._newest is not None:
                self.counts["frames_overwritten"] += 1
            self._newest = Frame(stamp_ns, self.counts["frames"], bgr)
            self.counts["frames"] += 1
            self._newest_s = time.monotonic()
            self._state = "open"
            self._changed.notify()
