"""Frames of a device, a file, or a stream that only ffmpeg knows, through OpenCV."""

from __future__ import annotations

import os

import cv2
import numpy as np

from so_arm.hardware.camera_source import DEVICE, STREAM, Source, SourceLost
from so_arm.hardware.video_devices import busy, why_not

#: An RTSP stream may take seconds until its first whole picture.
STREAM_OPEN_TIMEOUT_MS = 5000
# OpenCV waits ten seconds for a frame of a device unless told otherwise. The first one may well take a second or two.
os.environ.setdefault("OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT", "3")


class VideoReader:
    """size: requested (width, height) of a device. fps: requested of a device [Hz]; 0: as it says."""

    def __init__(self, source: Source, size: tuple[int, int], fps: float, timeout_s: float) -> None:
        self.skipped = 0
        self._source = source
        if source.kind == DEVICE and (reason := why_not(source.address)):
            raise SourceLost(reason)
        self._video = _open(source, size, fps, timeout_s)
        if not self._video.isOpened():
            taken = busy(source.address) if source.kind == DEVICE else None
            raise SourceLost(taken or f"{source} does not open as a video")

    @property
    def fps(self) -> float:
        """What the source says itself [Hz]; 0 when it says nothing."""
        return float(self._video.get(cv2.CAP_PROP_FPS))

    def grab(self) -> None:
        if not self._video.grab():
            raise SourceLost(f"{self._source} delivers nothing")

    def decode(self) -> np.ndarray | None:
        """(height, width, 3) uint8 BGR of the grabbed frame; None when it is broken."""
        intact, bgr = self._video.retrieve()
        return bgr if intact else None

    def interrupt(self) -> None:
        """Nothing that OpenCV waits for can be ended from outside; its time-outs are short instead."""

    def close(self) -> None:
        self._video.release()


def _open(source: Source, size: tuple[int, int], fps: float, timeout_s: float) -> cv2.VideoCapture:
    if source.kind == STREAM:
        timeouts = [
            *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, STREAM_OPEN_TIMEOUT_MS),
            *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, round(1000 * timeout_s)),
        ]
        return cv2.VideoCapture(source.address, cv2.CAP_FFMPEG, timeouts)
    if source.kind != DEVICE:
        return cv2.VideoCapture(source.address)
    # Named, because ffmpeg would be asked first and does not know devices.
    video = cv2.VideoCapture(source.address, cv2.CAP_V4L2)
    video.set(cv2.CAP_PROP_FRAME_WIDTH, size[0])
    video.set(cv2.CAP_PROP_FRAME_HEIGHT, size[1])
    if fps:
        video.set(cv2.CAP_PROP_FPS, fps)
    video.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    return video
