import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from tests.hardware.test_camera_info import TEXT as CALIBRATION
from tests.nodes.conftest import Ros, Terminal

from so_arm.core.errors import UserError
from so_arm.hardware.camera_faults import CameraFault
from so_arm.hardware.mjpeg_server import MjpegServer
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


def time_code() -> np.ndarray:
    """The time in ms, one block of 16 pixels per bit."""
    bits = int(time.time() * 1e3) >> np.arange(24) & 1
    row = np.repeat(bits.astype(np.uint8) * 255, 16)
    return np.ascontiguousarray(np.broadcast_to(row[None, :, None], (48, 384, 3)))


def age_ms(image: Image) -> int:
    bits = image_from_message(image)[24, 8::16, 0] > 127
    return (int(time.time() * 1e3) - int(bits @ (1 << np.arange(24)))) & 0xFFFFFF


@pytest.fixture
def server() -> Iterator[MjpegServer]:
    with MjpegServer({"wrist": time_code}) as running:
        yield running


def start_camera(server: MjpegServer, *parameters: str) -> Ros:
    given = ("camera_name:=wrist", f"source:={server.url('wrist')}", "width:=384", "height:=48", *parameters)
    return Ros([word for parameter in given for word in ("-p", parameter)])


def says(health: list[Any], level: bytes, text: str) -> bool:
    """Any report of that level with that text in it."""
    return any(message.status[0].level == level and text in message.status[0].message for message in health)


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


@pytest.mark.slow
def test_a_stream_is_fresh_and_its_rate_and_stalls_are_reported(server: MjpegServer) -> None:
    ros = start_camera(server, "stall_timeout:=0.5", "fps:=200.0")
    ages: list[int] = []
    ros.probe.create_subscription(
        Image, "wrist_camera/image_raw", lambda image: ages.append(age_ms(image)), qos.CONTROL
    )
    health = ros.listen(DiagnosticArray, "/diagnostics", qos.STATE)
    try:
        ros.start(CameraNode)
        ros.until(lambda: says(health, DiagnosticStatus.WARN, "Hz, not at 200.0 Hz as requested"), "a warning")
        assert texts_of(health[-1].status[0])["requested_rate_hz"] == "200.0"
        print(f"age of {len(ages)} images: p50 {np.percentile(ages, 50):.0f} ms, p99 {np.percentile(ages, 99):.0f} ms")
        assert np.median(ages[10:]) < 100, "a few ms, more on a loaded machine; 33 ms are one frame"
        server.inject(CameraFault.parse("stall camera=wrist for=2"))
        ros.until(
            lambda: says(health, DiagnosticStatus.ERROR, f"camera wrist: {server.url('wrist')} deliv"), "an error"
        )
        seen = len(ages)
        ros.until(lambda: len(ages) > seen + 5, "images again")
        assert np.median(ages[-4:]) < 100, "nothing of before"
        reports = len(health)
        ros.until(lambda: len(health) > reports + 1, "a report")
        assert health[-1].status[0].level != DiagnosticStatus.ERROR
    finally:
        ros.close()


@pytest.mark.slow
def test_the_log_says_why_there_is_no_picture(server: MjpegServer, terminal: Terminal) -> None:
    url = server.url("wrist").replace("wrist", "wirst")
    ros = start_camera(server, f"source:={url}", "wait_for_source:=0.5")
    try:
        ros.start(CameraNode)
        ros.until(lambda: terminal.said(f"[camera]: camera wrist: {url} answers 404"), "the reason")
        time.sleep(2.5)
        assert len(terminal.said("[camera]: ")) == 2, "ready, and the reason once"
    finally:
        ros.close()


def test_a_source_that_is_still_starting_is_no_trouble(server: MjpegServer, terminal: Terminal) -> None:
    ros = start_camera(server, "source:=http://127.0.0.1:9/wrist.mjpg", "wait_for_source:=60.0")
    health = ros.listen(DiagnosticArray, "/diagnostics", qos.STATE)
    try:
        ros.start(CameraNode)
        ros.until(lambda: says(health, DiagnosticStatus.OK, "opening: http://127.0.0.1:9/wrist.mjpg"), "a report")
        assert len(terminal.said("[camera]: ")) == 1, "ready"
    finally:
        ros.close()


def test_camera_info_of_a_calibration_file(server: MjpegServer, tmp_path: Path) -> None:
    file = tmp_path / "wrist.yaml"
    file.write_text(CALIBRATION.replace("640", "768").replace("480", "96"))  # twice the stream's size
    ros = start_camera(server, f"camera_info_file:=file://{file}")
    infos = ros.listen(CameraInfo, "wrist_camera/camera_info", qos.RECORDER)
    health = ros.listen(DiagnosticArray, "/diagnostics", qos.STATE)
    try:
        ros.start(CameraNode)
        ros.until(lambda: infos, "camera_info")
        assert (infos[-1].width, infos[-1].height) == (384, 48)
        assert infos[-1].k[0] == pytest.approx(438.78 / 2) and infos[-1].p[6] == pytest.approx(241.09 / 2)
        assert infos[-1].distortion_model == "plumb_bob" and len(infos[-1].d) == 5
        server.inject(CameraFault.parse("wrong_size value=0.7"))  # 269 x 34: another shape
        text = "camera_info_file is of 768x96 images and not used for these"
        ros.until(lambda: says(health, DiagnosticStatus.WARN, text), "a warning")
        ros.until(lambda: infos[-1].width == 269, "infos of the other size")
        assert not np.any(infos[-1].k)
    finally:
        ros.close()


def test_a_bad_calibration_file_is_refused(server: MjpegServer, tmp_path: Path) -> None:
    file = tmp_path / "wrist.yaml"
    file.write_text(CALIBRATION.replace("camera_matrix", "camera_matrx"))
    ros = start_camera(server, f"camera_info_file:={file}")
    try:
        with pytest.raises(UserError, match=r"camera_info_file .*wrist\.yaml: camera_matrix is missing"):
            ros.start(CameraNode)
    finally:
        ros.close()
