"""The pictures of a recorded episode as a small video that a page carries in itself."""

from __future__ import annotations

import cv2
import numpy as np

from so_arm.analysis.page_video import video_data_uri
from so_arm.data.recordings.recording import RecordedFrames

#: Pictures are brought to this height [px]; small ones keep their pixels apart.
HEIGHT_PX = 256


def episode_video(frames: RecordedFrames, fps: float) -> str:
    """Data URI of an H.264 MP4 (yuv420p) with the cameras side by side, a frame per tick."""
    return video_data_uri((side_by_side(list(frames.images(tick).values())) for tick in range(len(frames))), fps)


def side_by_side(pictures: list[np.ndarray]) -> np.ndarray:
    """(h, w, 3) uint8 of pictures (h, w, 3), which may differ in size; even sides, as the codec wants them."""
    return np.concatenate([_at_height(picture) for picture in pictures], axis=1)


def _at_height(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    size = 2 * round(HEIGHT_PX * width / height / 2), HEIGHT_PX
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA if height > HEIGHT_PX else cv2.INTER_NEAREST)
