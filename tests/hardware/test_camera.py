import http.server
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import pytest

from so_arm.core.errors import UserError
from so_arm.hardware.camera import CLOSE_TIMEOUT_S, Camera, Frame
from so_arm.hardware.camera_faults import CameraFault
from so_arm.hardware.camera_source import Source
from so_arm.hardware.mjpeg_server import MjpegServer

FRAMES, FPS, SIZE = 12, 60, (64, 48)


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Each frame is grey; frame i has brightness 20 * i."""
    path = tmp_path / "video.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, SIZE)
    for i in range(FRAMES):
        writer.write(np.full((SIZE[1], SIZE[0], 3), 20 * i, np.uint8))
    writer.release()
    return path


def frames_of(camera: Camera, count: int) -> list[Frame]:
    frames: list[Frame] = []
    deadline = time.monotonic() + 10
    while len(frames) < count and time.monotonic() < deadline:
        frame = camera.wait(0.1)
        if frame is not None:
            frames.append(frame)
    return frames


def test_a_file_is_played_once_at_its_pace_with_capture_stamps(video: Path) -> None:
    camera = Camera(str(video), SIZE, 0.0, loop=False)
    frames = frames_of(camera, FRAMES)
    assert [round(float(frame.bgr.mean()) / 20) for frame in frames] == list(range(FRAMES))
    assert [frame.number for frame in frames] == list(range(FRAMES))
    stamps = np.array([frame.stamp_ns for frame in frames])
    assert abs(stamps[-1] * 1e-9 - time.time()) < 5
    assert abs(np.median(np.diff(stamps)) * 1e-9 - 1 / FPS) < 0.005
    assert camera.wait(0.2) is None
    assert camera.state == "ended" and camera.actual_size == SIZE
    camera.close()


def test_a_file_can_be_repeated_at_another_pace(video: Path) -> None:
    camera = Camera(str(video), SIZE, 200.0, loop=True)
    frames = frames_of(camera, 2 * FRAMES + 1)
    camera.close()
    assert len(frames) == 2 * FRAMES + 1
    assert camera.state == "open"


def test_the_newest_frame_wins(video: Path) -> None:
    camera = Camera(str(video), SIZE, 200.0, loop=True)
    time.sleep(0.3)
    first, second = frames_of(camera, 2)
    camera.close()
    assert first.number > 5, "old frames are not queued"
    assert second.number > first.number
    assert camera.counts["frames_overwritten"] > 5


def test_sources_that_are_not_there_or_no_video(tmp_path: Path) -> None:
    for text in ("/dev/video99", str(tmp_path / "nothing.mp4"), "99"):
        with pytest.raises(UserError, match=f"camera source {text} does not exist; devices here: "):
            Source.parse(text)
    with pytest.raises(UserError, match="is a folder"):
        Source.parse(str(tmp_path))
    with pytest.raises(UserError, match="camera source is empty"):
        Source.parse("")
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    camera = Camera(str(text), SIZE, 30.0, loop=True)
    assert camera.wait(0.5) is None
    assert camera.state.endswith("is not a video that can be read")
    camera.close()


class Stream(http.server.BaseHTTPRequestHandler):
    """A few JPEG frames, then the connection breaks."""

    served = 0

    def do_GET(self) -> None:
        type(self).served += 1
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        self.end_headers()
        _, jpeg = cv2.imencode(".jpg", np.full((SIZE[1], SIZE[0], 3), 100, np.uint8))
        for _ in range(20):
            self.wfile.write(b"--frame\r\nContent-Type: image/jpeg\r\n")
            self.wfile.write(b"Content-Length: %d\r\n\r\n" % len(jpeg) + jpeg.tobytes() + b"\r\n")
            time.sleep(0.01)

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def stream() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Stream)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/video"
    server.shutdown()


def test_a_stream_that_breaks_is_opened_again(stream: str) -> None:
    camera = Camera(stream, SIZE, 0.0, loop=False)
    deadline = time.monotonic() + 15
    while Stream.served < 3 and time.monotonic() < deadline:
        camera.wait(0.1)
    camera.close()
    assert Stream.served >= 3
    assert camera.counts["reconnects"] >= 2
    assert camera.actual_size == SIZE


@pytest.fixture
def emulated() -> Iterator[MjpegServer]:
    with MjpegServer({"wrist": lambda: np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)}, fps=60.0) as server:
        yield server


def until_frame(camera: Camera) -> float:
    """Seconds until the next frame."""
    start_s = time.monotonic()
    while camera.wait(0.05) is None:
        assert time.monotonic() - start_s < 10
    return time.monotonic() - start_s


@pytest.mark.parametrize("kind", ["stall", "disconnect"])
def test_faults_of_a_stream_are_named_and_recovered_from(emulated: MjpegServer, kind: str) -> None:
    camera = Camera(emulated.url("wrist"), SIZE, 60.0, loop=False, stall_timeout_s=0.4)
    until_frame(camera)
    assert camera.state == "open"
    emulated.inject(CameraFault.parse(f"{kind} for=1.5"))
    deadline_s = time.monotonic() + 1.5
    while camera.state == "open" and time.monotonic() < deadline_s:
        time.sleep(0.02)
    assert camera.state.startswith(emulated.url("wrist")) and "; no frame for " in camera.state
    camera.wait(0.0)
    assert until_frame(camera) < 4.0
    while camera.state != "open":
        camera.wait(0.05)
    assert camera.actual_size == SIZE and camera.counts["reconnects"] >= 1
    camera.close()


def test_closing_does_not_wait_for_a_source_that_hangs(emulated: MjpegServer) -> None:
    camera = Camera(emulated.url("wrist"), SIZE, 60.0, loop=False)
    until_frame(camera)
    emulated.inject(CameraFault.parse("stall"))
    time.sleep(0.2)
    start_s = time.monotonic()
    camera.close()
    assert time.monotonic() - start_s < CLOSE_TIMEOUT_S
    assert not camera._thread.is_alive()


def test_a_stream_that_is_no_mjpeg_goes_to_ffmpeg(tmp_path: Path, video: Path) -> None:
    handler = partial(QuietFiles, directory=str(video.parent))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    camera = Camera(f"http://127.0.0.1:{server.server_port}/{video.name}", SIZE, 0.0, loop=False)
    until_frame(camera)
    camera.close()
    server.shutdown()
    server.server_close()
    assert camera.actual_size == SIZE


class QuietFiles(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None: ...
