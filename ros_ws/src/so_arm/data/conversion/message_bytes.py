"""Messages as our nodes publish them, serialised (CDR) without ROS."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np

from so_arm.core.episode_info import EpisodeInfo
from so_arm.core.joints import JOINT_NAMES
from so_arm.data.ros_types import (
    COMPRESSED_IMAGE,
    DIAGNOSTIC_ARRAY,
    DIAGNOSTIC_STATUS,
    IMAGE,
    JOINT_STATE,
    STRING,
    jazzy,
)

#: As the cameras compress.
JPEG_QUALITY = 90
_NO_VALUES = np.zeros(0)


def joint_state(stamp_ns: int, position: np.ndarray, frame_id: str = "") -> memoryview:
    """`position`: (6,) [rad] in ``JOINT_NAMES`` order. frame_id: of a command, who was in control."""
    return _serialise(
        JOINT_STATE,
        header=_header(stamp_ns, frame_id),
        name=list(JOINT_NAMES),
        position=np.ascontiguousarray(position, np.float64),
        velocity=_NO_VALUES,
        effort=_NO_VALUES,
    )


def image(stamp_ns: int, frame_id: str, pixels: np.ndarray) -> memoryview:
    """`pixels`: (height, width, 3) uint8 RGB."""
    height, width, _ = pixels.shape
    return _serialise(
        IMAGE,
        header=_header(stamp_ns, frame_id),
        height=height,
        width=width,
        encoding="rgb8",
        is_bigendian=0,
        step=3 * width,
        data=np.ascontiguousarray(pixels).reshape(-1),
    )


def compressed_image(stamp_ns: int, frame_id: str, pixels: np.ndarray) -> memoryview:
    """`pixels`: (height, width, 3) uint8 RGB, as JPEG."""
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return _serialise(
        COMPRESSED_IMAGE,
        header=_header(stamp_ns, frame_id),
        format="rgb8; jpeg compressed bgr8",
        data=jpeg.reshape(-1),
    )


def episode_info(info: EpisodeInfo) -> memoryview:
    types = jazzy().types
    return memoryview(jazzy().serialize_cdr(_status(types, info.id, info.phase, info.to_text()), DIAGNOSTIC_STATUS))


def reward_terms(stamp_ns: int, total: float, success: bool | None, source: str) -> memoryview:
    """The part of ``/reward/terms`` that is known of a recording. success: what the source said of it, where it did."""
    texts = {"total": repr(float(total)), "source": source}
    if success is not None:
        texts["success"] = str(bool(success))
    return status_array(stamp_ns, "reward", source, texts)


def status_array(stamp_ns: int, name: str, message: str, texts: Mapping[str, str]) -> memoryview:
    """One status, stamped."""
    status = _status(jazzy().types, name, message, texts)
    return _serialise(DIAGNOSTIC_ARRAY, header=_header(stamp_ns, ""), status=[status])


def string(text: str) -> memoryview:
    return _serialise(STRING, data=text)


def _serialise(kind: str, **fields: Any) -> memoryview:
    store = jazzy()
    return memoryview(store.serialize_cdr(store.types[kind](**fields), kind))


def _header(stamp_ns: int, frame_id: str) -> Any:
    types = jazzy().types
    sec, nanosec = divmod(stamp_ns, 1_000_000_000)
    stamp = types["builtin_interfaces/msg/Time"](sec=sec, nanosec=nanosec)
    return types["std_msgs/msg/Header"](stamp=stamp, frame_id=frame_id)


def _status(types: Mapping[str, type], name: str, message: str, texts: Mapping[str, str]) -> Any:
    values = [types["diagnostic_msgs/msg/KeyValue"](key=key, value=value) for key, value in texts.items()]
    return types[DIAGNOSTIC_STATUS](level=0, name=name, message=message, hardware_id="", values=values)
