"""Small videos that a page carries in itself."""

from __future__ import annotations

import base64
import tempfile
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np

from so_arm.analysis.video import VideoEncoder


def video_data_uri(pictures: Iterable[np.ndarray], fps: float) -> str:
    """Data URI of an H.264 MP4 (yuv420p) of `pictures` (h, w, 3) uint8 RGB with even sides."""
    with tempfile.TemporaryDirectory(prefix="so_arm_page_") as scratch:
        path = Path(scratch) / "episode.mp4"
        with VideoEncoder(path, Fraction(fps).limit_denominator(1000)) as encoder:
            for picture in pictures:
                encoder.add(picture)
        return "data:video/mp4;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
