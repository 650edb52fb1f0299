"""Standard ROS messages to and from plain values. Buffers are reused: a message is serialised when published."""

from __future__ import annotations

import array
from collections.abc import Mapping, Sequence

import numpy as np
from builtin_interfaces.msg import Duration, Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from sensor_msgs.msg import CameraInfo, Image, JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from so_arm.core.chunk import ActionChunk
from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES, NUM_JOINTS, index_by_name
from so_arm.hardware.camera_info import CameraCalibration

_NAMES = list(JOINT_NAMES)
_SECOND_NS = 1_000_000_000


def set_stamp(stamp: Time, stamp_ns: int) -> None:
    stamp.sec, stamp.nanosec = divmod(stamp_ns, _SECOND_NS)


def stamp_ns(stamp: Time) -> int:
    return stamp.sec * _SECOND_NS + stamp.nanosec


class JointStateWriter:
    """One JointState message, filled again for every publication."""

    def __init__(self, with_velocity: bool = False) -> None:
        self._message = JointState(name=_NAMES, position=array.array("d", bytes(8 * NUM_JOINTS)))
        self._position = np.frombuffer(self._message.position)
        if with_velocity:
            self._message.velocity = array.array("d", bytes(8 * NUM_JOINTS))
            self._velocity = np.frombuffer(self._message.velocity)

    def write(
        self, stamp_ns: int, position: np.ndarray, velocity: np.ndarray | None = None, frame_id: str = ""
    ) -> JointState:
        """position: (6,) [rad], velocity: (6,) [rad/s]. The message is valid until the next call."""
        stamp = self._message.header.stamp
        if self._message.header.frame_id != frame_id:
            self._message.header.frame_id = frame_id
        stamp.sec, stamp.nanosec = divmod(stamp_ns, _SECOND_NS)
        self._position[:] = position
        if velocity is not None:
            self._velocity[:] = velocity
        return self._message


class JointStateReader:
    """Positions out of JointState messages of one topic, matched by name; the match is kept while names stay."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._known: list[str] = _NAMES
        self._index: np.ndarray | None = None  # None: already in order

    def position(self, message: JointState) -> np.ndarray:
        """(6,) [rad] in ``JOINT_NAMES`` order; UserError names missing, unknown and doubled joints."""
        return self._ordered(message, message.position, "positions")

    def velocity(self, message: JointState) -> np.ndarray:
        """(6,) [rad/s] in ``JOINT_NAMES`` order."""
        return self._ordered(message, message.velocity, "velocities")

    def _ordered(self, message: JointState, values: Sequence[float], kind: str) -> np.ndarray:
        names = message.name
        if names != self._known:
            index = index_by_name(names, self._what)
            self._known = list(names)
            self._index = None if self._known == _NAMES else index
        if len(values) != NUM_JOINTS:
            raise UserError(f"{self._what}: {len(values)} {kind} for {NUM_JOINTS} joints")
        ordered = np.array(values)
        return ordered if self._index is None else ordered[self._index]


def chunk_message(chunk: ActionChunk) -> JointTrajectory:
    message = JointTrajectory(joint_names=_NAMES)
    set_stamp(message.header.stamp, chunk.stamp_ns)
    for step, action in enumerate(chunk.actions):
        sec, nanosec = divmod(step * chunk.period_ns, _SECOND_NS)
        message.points.append(
            JointTrajectoryPoint(
                positions=array.array("d", action.tobytes()),
                time_from_start=Duration(sec=sec, nanosec=nanosec),
            )
        )
    return message


def chunk_from_message(message: JointTrajectory, default_period_ns: int) -> ActionChunk:
    """Points must be evenly spaced in time; a single point gets the default period."""
    index = index_by_name(message.joint_names, "action chunk")
    widths = {len(point.positions) for point in message.points}
    if widths != {NUM_JOINTS}:
        raise UserError(f"action chunk: points of {sorted(widths)} positions, expected {NUM_JOINTS} in each")
    actions = np.array([point.positions for point in message.points])[:, index]
    times = [_duration_ns(point.time_from_start) for point in message.points]
    period_ns = times[1] - times[0] if len(times) > 1 else default_period_ns
    if any(abs(time - step * period_ns) > 1000 for step, time in enumerate(times)):
        raise UserError("action chunk: its points are not evenly spaced from 0 s on")
    return ActionChunk(stamp_ns(message.header.stamp), period_ns, actions)


def _duration_ns(duration: Duration) -> int:
    return duration.sec * _SECOND_NS + duration.nanosec


class ImageWriter:
    """One rgb8 Image message of fixed size; pixels are written straight into its buffer."""

    def __init__(self, frame_id: str, height: int, width: int) -> None:
        self.message = Image(height=height, width=width, encoding="rgb8", step=3 * width)
        self.message.header.frame_id = frame_id
        self.message.data = array.array("B", bytes(3 * height * width))
        #: (height, width, 3) uint8 view of the message's buffer.
        self.pixels = np.frombuffer(self.message.data, np.uint8).reshape(height, width, 3)

    def write(self, stamp_ns: int, image: np.ndarray | None = None) -> Image:
        """`image` (height, width, 3) uint8, or None when `pixels` was filled directly."""
        set_stamp(self.message.header.stamp, stamp_ns)
        if image is not None:
            self.pixels[:] = image
        return self.message


def image_from_message(message: Image) -> np.ndarray:
    """(height, width, 3) uint8 RGB view of the message's buffer (a copy for bgr8)."""
    if message.encoding not in ("rgb8", "bgr8"):
        raise UserError(f"image encoding '{message.encoding}', expected rgb8 or bgr8")
    rows = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)
    pixels = rows[:, : 3 * message.width].reshape(message.height, message.width, 3)
    return pixels if message.encoding == "rgb8" else np.ascontiguousarray(pixels[..., ::-1])


def camera_info(frame_id: str, height: int, width: int, focal_px: float | None) -> CameraInfo:
    """Pinhole camera without distortion; `focal_px` None = not calibrated (zero matrices, as ROS has it)."""
    info = CameraInfo(height=height, width=width)
    info.header.frame_id = frame_id
    if focal_px is not None:
        cx, cy = (width - 1) / 2, (height - 1) / 2
        info.distortion_model, info.d = "plumb_bob", [0.0] * 5
        info.k = np.array([focal_px, 0, cx, 0, focal_px, cy, 0, 0, 1.0])
        info.r = np.eye(3).ravel()
        info.p = np.array([focal_px, 0, cx, 0, 0, focal_px, cy, 0, 0, 0, 1.0, 0])
    return info


def calibrated_camera_info(frame_id: str, calibration: CameraCalibration) -> CameraInfo:
    info = CameraInfo(height=calibration.height, width=calibration.width)
    info.header.frame_id = frame_id
    info.distortion_model, info.d = calibration.model, list(calibration.distortion)
    info.k = np.array(calibration.camera)
    info.r = np.array(calibration.rectification)
    info.p = np.array(calibration.projection)
    return info


def key_values(texts: Mapping[str, str]) -> list[KeyValue]:
    return [KeyValue(key=key, value=value) for key, value in texts.items()]


def texts_of(status: DiagnosticStatus) -> dict[str, str]:
    return {item.key: item.value for item in status.values}


def diagnostic_array(stamp_ns: int, status: DiagnosticStatus) -> DiagnosticArray:
    message = DiagnosticArray(status=[status])
    set_stamp(message.header.stamp, stamp_ns)
    return message
