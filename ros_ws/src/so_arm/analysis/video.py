"""Videos of episodes: two camera pictures side by side, reward and joint curves growing beneath."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from so_arm.analysis.trace_panel import BACKGROUND, TEXT, TracePanel
from so_arm.core.files import replacing

if TYPE_CHECKING:
    from av.container import OutputContainer
    from av.video.stream import VideoStream

TITLE_PX = 32
PANEL_PX = 240
HOLD_S = 0.8  # the last picture of an episode stays this long

_GOOD_RGB, _BAD_RGB = (120, 220, 150), (240, 120, 120)


@dataclass(frozen=True, eq=False)
class Clip:
    """One episode to be shown.

    frames: per shown tick, the two pictures (h, w, 3) uint8 that go side by side, all of one even size; frame i
    belongs to tick `i * stride`. reward: (T,). joint_position, action: (T, 6) [rad]. outcome: shown at the end.
    """

    title: str
    outcome: str
    success: bool
    frames: Iterable[Sequence[np.ndarray]]
    reward: np.ndarray
    joint_position: np.ndarray
    action: np.ndarray


def write_video(path: Path, clips: Iterable[Clip], fps: float, stride: int = 1) -> None:
    """Write the clips one after the other as H.264 (yuv420p) MP4; it appears under `path` whole or not at all.

    fps: control rate of the clips [Hz]; every `stride`-th tick is a frame, so the video runs in real time.
    """
    rate = Fraction(fps).limit_denominator(1000) / stride
    with replacing(path) as target, VideoEncoder(target, rate) as encoder:
        for clip in clips:
            for picture in compose(clip, fps, stride):
                encoder.add(picture)


def compose(clip: Clip, fps: float, stride: int = 1) -> Iterator[np.ndarray]:
    """Pictures (h, w, 3) uint8 RGB of one clip, the last one repeated. Each is valid until the next is asked for."""
    panel: TracePanel | None = None
    canvas: np.ndarray = np.empty(0, np.uint8)
    last_tick = len(clip.reward) - 1
    for number, views in enumerate(clip.frames):
        height, width = views[0].shape[:2]
        if panel is None:
            size = (2 * width, PANEL_PX)
            panel = TracePanel(clip.reward, clip.joint_position, clip.action, size, fps)
            canvas = np.empty((TITLE_PX + height + PANEL_PX, 2 * width, 3), np.uint8)
        tick = min(number * stride, last_tick)
        canvas[TITLE_PX : TITLE_PX + height] = np.concatenate(views, axis=1)
        canvas[TITLE_PX + height :] = panel.up_to(tick)
        _title(canvas[:TITLE_PX], f"{clip.title}   {tick / fps:5.1f} s", None)
        yield canvas
    if panel is None:
        return
    canvas[-PANEL_PX:] = panel.up_to(last_tick)
    _title(canvas[:TITLE_PX], clip.title, (clip.outcome, _GOOD_RGB if clip.success else _BAD_RGB))
    for _ in range(max(1, round(HOLD_S * fps / stride))):
        yield canvas


def scaled_down(picture: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """`picture` (h, w, 3) uint8 at `size` (height, width), which is not less than half of its own."""
    return cv2.resize(picture, size[::-1], interpolation=cv2.INTER_LINEAR)


def _title(bar: np.ndarray, text: str, outcome: tuple[str, tuple[int, int, int]] | None) -> None:
    bar[:] = _rgb(BACKGROUND)
    font, scale, baseline = cv2.FONT_HERSHEY_SIMPLEX, 0.52, TITLE_PX - 11
    cv2.putText(bar, text, (10, baseline), font, scale, _rgb(TEXT), 1, cv2.LINE_AA)
    if outcome is not None:
        word, colour = outcome
        (width, _), _ = cv2.getTextSize(word, font, scale, 1)
        cv2.putText(bar, word, (bar.shape[1] - width - 10, baseline), font, scale, colour, 1, cv2.LINE_AA)


def _rgb(hex_colour: str) -> tuple[int, int, int]:
    red, green, blue = bytes.fromhex(hex_colour.removeprefix("#"))
    return red, green, blue


class VideoEncoder:
    """H.264 in MP4 through PyAV; the size is that of the first picture."""

    def __init__(self, path: Path, rate: Fraction) -> None:
        self._path, self._rate = path, rate
        self._stream: VideoStream | None = None

    def __enter__(self) -> VideoEncoder:
        import av

        self._container: OutputContainer = av.open(
            str(self._path), "w", format="mp4", options={"movflags": "+faststart"}
        )
        return self

    def add(self, picture: np.ndarray) -> None:
        """Append a picture (h, w, 3) uint8 RGB with even sides."""
        import av

        if self._stream is None:
            height, width = picture.shape[:2]
            self._stream = self._container.add_stream(
                "libx264", rate=self._rate, options={"crf": "23", "preset": "veryfast"}
            )
            self._stream.width, self._stream.height = width, height
            self._stream.pix_fmt = "yuv420p"
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        self._container.mux(self._stream.encode(frame))

    def __exit__(self, kind: type[BaseException] | None, *_: Any) -> None:
        if kind is not None:  # the fault on its way out matters, not what closing an unfinished file says
            with contextlib.suppress(Exception):
                self._container.close()
            return
        try:
            if self._stream is not None:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()
