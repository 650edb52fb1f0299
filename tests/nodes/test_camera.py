from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from tests.nodes.conftest import Ros

from so_arm.nodes import qos
from so_arm.nodes.camera import CameraNode
from so_arm.nodes.messages import image_from_message, stamp_ns, texts_of

pytestmark = pytest.mark.ros
SIZE = (64, 48)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("camera") / "video.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, SIZE)
    for _ in range(10):
        writer.write(np.broadcast_to(np.array([200, 100, 0], np.uint8), (SIZE[1], SIZE[0], 3)).copy())
    writer.release()
    return path


@pytest.fixture
def ros(video: Path) -> Iterator[Ros]:
    graph = Ros(["-p", f"source:={video}", "-p", "camera_name:=wrist"])
    yield graph
    graph.close()


def test_images_of_a_file_on_three_topics(ros: Ros) -> None:
    images = ros.listen(Image, "wrist_camera/image_raw", qos.RECORDER)
    jpegs = ros.listen(CompressedImage, "wrist_camera/image_raw/compressed", qos.RECORDER)
    infos = ros.listen(CameraInfo, "wrist_camera/camera_info", qos.RECORDER)
    health = ros.listen(DiagnosticArray, "/diagnostics", qos.STATE)
    ros.start(CameraNode)
    ros.until(lambda: len(images) > 5 and len(jpegs) > 3 and len(infos) > 3, "images")
    pixels = image_from_message(images[-1])
    assert pixels.shape == (48, 64, 3)
    assert np.abs(pixels.mean((0, 1)) - [0, 100, 200]).max() < 4, "red comes first"
    assert images[-1].header.frame_id == "wrist_optical_frame"
    decoded = cv2.imdecode(np.frombuffer(jpegs[-1].data, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(decoded.mean((0, 1)) - [200, 100, 0]).max() < 6
    stamps = {stamp_ns(image.header.stamp) for image in images}
    assert stamps & {stamp_ns(info.header.stamp) for info in infos}
    wanted = "frames are 64x48, not 640x480 as requested"
    ros.until(lambda: any(message.status[0].message == wanted for message in health), "the size in /diagnostics")
    assert texts_of(health[-1].status[0])["actual_size"] == "64x48"
