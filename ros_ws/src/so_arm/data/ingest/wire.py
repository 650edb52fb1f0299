"""Serialised ROS messages (CDR) to plain values: the same code for what a subscription gets and what a bag holds."""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from rosbags.serde.errors import SerdeError

from so_arm.core.episode_info import EpisodeInfo
from so_arm.core.errors import UserError
from so_arm.core.joints import NUM_JOINTS, index_by_name
from so_arm.data.ros_types import COMPRESSED_IMAGE, DIAGNOSTIC_ARRAY, DIAGNOSTIC_STATUS, IMAGE, JOINT_STATE, jazzy

Raw = bytes | memoryview

_SECOND_NS = 1_000_000_000
#: The encapsulation in front of every message; its second byte tells the byte order.
_HEAD = 4
_LITTLE, _BIG = struct.Struct("<iI"), struct.Struct(">iI")
_CHANNELS = {"rgb8": 3, "bgr8": 3}


@dataclass(frozen=True)
class Joints:
    """position: (6,) [rad] in ``JOINT_NAMES`` order. frame_id: of a command, who gave it."""

    stamp_ns: int
    position: np.ndarray
    frame_id: str


@dataclass(frozen=True)
class RewardSample:
    """success: whether the source takes the task for done; None where it does not say."""

    stamp_ns: int
    total: float
    success: bool | None


def header_stamp(raw: Raw, what: str) -> int:
    """Stamp [ns] of a message that begins with a header; nothing else is read. `what` names the topic in errors."""
    try:
        sec, nanosec = (_LITTLE if raw[1] & 1 else _BIG).unpack_from(raw, _HEAD)
    except (struct.error, IndexError):
        raise UserError(f"{what}: a message of {len(raw)} bytes has no header") from None
    return sec * _SECOND_NS + nanosec


def joints(raw: Raw, what: str) -> Joints:
    """A JointState; UserError names missing, unknown and doubled joints, and values that are not finite."""
    message = _message(raw, JOINT_STATE, what)
    index = index_by_name(message.name, what)
    if len(message.position) != NUM_JOINTS:
        raise UserError(f"{what}: {len(message.position)} positions for {NUM_JOINTS} joints")
    position = np.asarray(message.position, np.float64)[index]
    if not np.isfinite(position).all():
        name = message.name[index[int(np.argmin(np.isfinite(position)))]]
        raise UserError(f"{what}: position of {name} is not finite")
    return Joints(_stamp(message.header), position, message.header.frame_id)


def image(raw: Raw, what: str) -> tuple[int, np.ndarray]:
    """Stamp [ns] and pixels (h, w, 3) uint8 RGB of an Image, rgb8 or bgr8. rgb8 is a view of `raw`, not a copy."""
    message = _message(raw, IMAGE, what)
    encoding, height, width, step = message.encoding, message.height, message.width, message.step
    if encoding not in _CHANNELS:
        raise UserError(f"{what}: image encoding '{encoding}', expected rgb8 or bgr8")
    if step < 3 * width or len(message.data) != step * height or not height * width:
        raise UserError(f"{what}: {len(message.data)} bytes are no image of {width}x{height} px with rows of {step}")
    rows = message.data.reshape(height, step)[:, : 3 * width].reshape(height, width, 3)
    return _stamp(message.header), rows if encoding == "rgb8" else np.ascontiguousarray(rows[..., ::-1])


def compressed_image(raw: Raw, what: str) -> tuple[int, np.ndarray]:
    """Stamp [ns] and pixels (h, w, 3) uint8 RGB of a CompressedImage, JPEG or PNG."""
    message = _message(raw, COMPRESSED_IMAGE, what)
    # A view, and OpenCV's decoder checks what it reads.
    pixels = cv2.imdecode(message.data, cv2.IMREAD_COLOR_RGB) if len(message.data) else None
    if pixels is None:
        raise UserError(f"{what}: an image of format '{message.format}' cannot be decoded")
    return _stamp(message.header), np.asarray(pixels, np.uint8)


def episode_info(raw: Raw, what: str) -> EpisodeInfo:
    """What /episode/info says."""
    return EpisodeInfo.from_text(_texts(_message(raw, DIAGNOSTIC_STATUS, what)))


def reward(raw: Raw, what: str) -> RewardSample:
    """What /reward/terms says."""
    stamp_ns, texts = first_status(raw, what)
    try:
        total = float(texts["total"])
    except (KeyError, ValueError):
        raise UserError(f"{what}: no number under 'total', but {', '.join(texts) or 'nothing'}") from None
    success = texts["success"].lower() == "true" if "success" in texts else None
    return RewardSample(stamp_ns, total if math.isfinite(total) else math.nan, success)


def first_status(raw: Raw, what: str) -> tuple[int, dict[str, str]]:
    """Stamp [ns] of a DiagnosticArray, and what its first status says."""
    message = _message(raw, DIAGNOSTIC_ARRAY, what)
    if not message.status:
        raise UserError(f"{what}: the message is empty")
    return _stamp(message.header), _texts(message.status[0])


def _texts(status: Any) -> dict[str, str]:
    return {item.key: item.value for item in status.values}


def _stamp(header: Any) -> int:
    return header.stamp.sec * _SECOND_NS + header.stamp.nanosec


def _message(raw: Raw, kind: str, what: str) -> Any:
    try:
        return jazzy().deserialize_cdr(memoryview(raw), kind)  # slices of a view copy nothing
    except (SerdeError, UnicodeDecodeError, ValueError, struct.error) as error:
        raise UserError(f"{what}: {len(raw)} bytes are no {kind} ({error})") from None
