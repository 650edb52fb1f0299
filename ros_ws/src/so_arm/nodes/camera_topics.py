"""The three topics of one camera. Raw, JPEG and info are each published only while somebody listens."""

from __future__ import annotations

import array

import cv2
import numpy as np
from rclpy.node import Node
from rclpy.publisher import Publisher
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from so_arm.hardware.camera_info import CameraCalibration
from so_arm.nodes import qos
from so_arm.nodes.messages import ImageWriter, calibrated_camera_info, camera_info, set_stamp

JPEG_QUALITY = 90


def has_listeners(publisher: Publisher) -> bool:
    return publisher.get_subscription_count() > 0


class CameraTopics:
    """``<name>_camera/image_raw``, ``.../image_raw/compressed`` and ``<name>_camera/camera_info``.

    focal_px: focal length of an ideal camera [px]. calibration: of a real one. A camera without both, or with images
    of another shape than those it was calibrated with, has no matrices in its info.
    """

    def __init__(
        self,
        node: Node,
        name: str,
        height: int,
        width: int,
        focal_px: float | None = None,
        calibration: CameraCalibration | None = None,
    ) -> None:
        self.name = name
        self._frame_id, folder = f"{name}_optical_frame", f"{name}_camera"
        self._focal_px, self._calibration = focal_px, calibration
        self.resize(height, width)
        self._raw = node.create_publisher(Image, f"{folder}/image_raw", qos.IMAGE)
        self._jpeg = node.create_publisher(CompressedImage, f"{folder}/image_raw/compressed", qos.IMAGE)
        self._info = node.create_publisher(CameraInfo, f"{folder}/camera_info", qos.IMAGE)

    @property
    def wanted(self) -> bool:
        """True while anything would be published at all."""
        return any(map(has_listeners, (self._raw, self._jpeg, self._info)))

    def resize(self, height: int, width: int) -> None:
        """Images have this size from now on."""
        self._writer = ImageWriter(self._frame_id, height, width)
        calibration = self._calibration.for_size(width, height) if self._calibration else None
        if calibration:
            self._info_message = calibrated_camera_info(self._frame_id, calibration)
        else:
            self._info_message = camera_info(self._frame_id, height, width, self._focal_px)

    @property
    def pixels(self) -> np.ndarray:
        """(height, width, 3) uint8 RGB buffer of the next message; may be filled in place of `publish(image)`."""
        return self._writer.pixels

    def publish(self, stamp_ns: int, image: np.ndarray | None = None) -> None:
        """`image`: (height, width, 3) uint8 RGB; None when `pixels` was filled."""
        message = self._writer.write(stamp_ns, image)
        if has_listeners(self._raw):
            self._raw.publish(message)
        if has_listeners(self._jpeg):
            self._jpeg.publish(self._compressed(stamp_ns))
        if has_listeners(self._info):
            set_stamp(self._info_message.header.stamp, stamp_ns)
            self._info.publish(self._info_message)

    def _compressed(self, stamp_ns: int) -> CompressedImage:
        bgr = cv2.cvtColor(self.pixels, cv2.COLOR_RGB2BGR)
        _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        message = CompressedImage(format="rgb8; jpeg compressed bgr8", data=array.array("B", jpeg.tobytes()))
        message.header.frame_id = self._frame_id
        set_stamp(message.header.stamp, stamp_ns)
        return message
