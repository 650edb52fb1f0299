import http.client
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from urllib.error import HTTPError

import cv2
import numpy as np
import pytest

from so_arm.core.errors import UserError
from so_arm.hardware.camera_faults import CameraFault, CameraFaultKind
from so_arm.hardware.mjpeg_server import MjpegServer

STALL, WRONG_SIZE, DISCONNECT = CameraFaultKind
RED = np.full((48, 64, 3), (200, 30, 10), np.uint8)
BLUE = np.full((24, 32, 3), (10, 30, 200), np.uint8)


class Sources:
    """Two cameras that remember who called them and how often."""

    def __init__(self) -> None:
        self.threads: set[int] = set()
        self.calls = {"static": 0, "wrist": 0}

    def source(self, name: str, image: np.ndarray) -> Callable[[], np.ndarray]:
        def render() -> np.ndarray:
            self.threads.add(threading.get_ident())
            self.calls[name] += 1
            return image

        return render


@pytest.fixture
def sources() -> Sources:
    return Sources()


@pytest.fixture
def server(sources: Sources) -> Iterator[MjpegServer]:
    images = {"static": RED, "wrist": BLUE}
    with MjpegServer({name: sources.source(name, image) for name, image in images.items()}, fps=50.0) as running:
        yield running


class Client:
    """Reads the parts of one stream."""

    def __init__(self, url: str) -> None:
        self.response = urllib.request.urlopen(url, timeout=5.0)

    def image(self) -> np.ndarray:
        """(height, width, 3) RGB of the next part; EOFError when the stream has ended."""
        while line := self.response.readline():
            if line.lower().startswith(b"content-length:"):
                size = int(line.split(b":")[1])
                assert self.response.readline() == b"\r\n"
                jpeg = self.response.read(size)
                return cv2.cvtColor(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
        raise EOFError


def test_streams_and_stills_of_two_cameras(server: MjpegServer, sources: Sources) -> None:
    static, wrist = Client(server.url("static")), Client(server.url("wrist"))
    assert static.response.headers["Content-Type"] == "multipart/x-mixed-replace; boundary=frame"
    for client, image in ((static, RED), (wrist, BLUE)):
        seen = client.image()
        assert seen.shape == image.shape and np.abs(seen.astype(int) - image).max() < 8
    still = urllib.request.urlopen(server.url("wrist").replace(".mjpg", ".jpg"), timeout=5.0).read()
    assert cv2.imdecode(np.frombuffer(still, np.uint8), cv2.IMREAD_COLOR).shape == BLUE.shape
    assert len(sources.threads) == 1, "an OpenGL context belongs to one thread"


def test_a_frame_is_made_once_for_all_clients_and_only_while_somebody_watches(
    server: MjpegServer, sources: Sources
) -> None:
    time.sleep(0.1)
    assert sources.calls == {"static": 0, "wrist": 0}
    clients = [Client(server.url("static")) for _ in range(3)]
    before, start_s = sources.calls["static"], time.monotonic()
    threads = [threading.Thread(target=lambda c=client: [c.image() for _ in range(20)]) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed_s = time.monotonic() - start_s
    assert sources.calls["static"] - before <= 50 * elapsed_s + 5, "not once per client"
    assert elapsed_s > 0.3, "20 frames of 50 Hz"
    assert sources.calls["wrist"] == 0
    for client in clients:
        client.response.close()
    deadline_s = time.monotonic() + 10
    before = -1
    while sources.calls["static"] != before:
        assert time.monotonic() < deadline_s, "nobody watches, and frames are made"
        before = sources.calls["static"]
        time.sleep(0.2)


def test_a_stalled_stream_stays_open_and_goes_on(server: MjpegServer) -> None:
    static, wrist = Client(server.url("static")), Client(server.url("wrist"))
    static.image()
    server.inject(CameraFault(STALL, "static", for_s=0.5))
    time.sleep(0.1)
    start_s = time.monotonic()
    for _ in range(4):  # some of them were under way
        static.image()
        wrist.image()
    waited_s = time.monotonic() - start_s
    assert waited_s > 0.2
    assert static.image().shape == RED.shape


def test_wrong_size_until_it_is_cleared(server: MjpegServer) -> None:
    server.inject(CameraFault(WRONG_SIZE, "static", 0.5))
    assert Client(server.url("static")).image().shape == (24, 32, 3)
    assert Client(server.url("wrist")).image().shape == BLUE.shape
    server.clear()
    client = Client(server.url("static"))
    client.image()  # may be one of before
    assert client.image().shape == RED.shape


def test_disconnected_clients_are_dropped_and_refused(server: MjpegServer) -> None:
    client = Client(server.url("static"))
    client.image()
    server.inject(CameraFault(DISCONNECT, "static", for_s=0.6))
    start_s = time.monotonic()
    with pytest.raises((EOFError, OSError, http.client.HTTPException)):
        while True:
            client.image()
    assert time.monotonic() - start_s < 0.5
    with pytest.raises((OSError, http.client.HTTPException)):
        Client(server.url("static"))
    assert Client(server.url("wrist")).image().shape == BLUE.shape
    time.sleep(0.7)
    assert Client(server.url("static")).image().shape == RED.shape


def test_what_is_refused(server: MjpegServer) -> None:
    with pytest.raises(UserError, match=rf"port {server.port} of 127.0.0.1 is taken by another program; choose"):
        MjpegServer({}, port=server.port)
    with pytest.raises(UserError, match="unknown camera 'wirst'; choose one of: static, wrist"):
        server.inject(CameraFault(STALL, "wirst"))
    with pytest.raises(UserError, match="unknown camera"):
        server.url("left")
    with pytest.raises(HTTPError, match=r"choose one of: /static\.mjpg /static\.jpg, /wrist\.mjpg"):
        urllib.request.urlopen(f"http://127.0.0.1:{server.port}/left.mjpg")


def test_a_source_that_fails_ends_the_server() -> None:
    def broken() -> np.ndarray:
        raise RuntimeError("no OpenGL")

    with MjpegServer({"static": broken}) as failing:
        with pytest.raises((EOFError, OSError, http.client.HTTPException)):
            Client(failing.url("static")).image()
        with pytest.raises(OSError):
            Client(failing.url("static"))
        assert str(failing.failure) == "no OpenGL"


def test_closing_ends_streams_and_frees_the_port(sources: Sources) -> None:
    server = MjpegServer({"static": sources.source("static", RED)})
    server.start()
    client = Client(server.url("static"))
    client.image()
    start_s = time.monotonic()
    server.close()
    assert time.monotonic() - start_s < 1.0
    with pytest.raises((EOFError, OSError, http.client.HTTPException)):
        while True:
            client.image()
    MjpegServer({}, port=server.port).close()
