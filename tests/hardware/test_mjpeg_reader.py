import random
import socket
import threading
import time
from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest

from so_arm.hardware.camera_source import STREAM, Source, SourceLost
from so_arm.hardware.mjpeg_reader import MjpegReader

OK = b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=--b\r\n\r\n"


def jpeg(brightness: int) -> bytes:
    return cv2.imencode(".jpg", np.full((32, 48, 3), brightness, np.uint8))[1].tobytes()


def part(brightness: int, with_length: bool = True) -> bytes:
    data = jpeg(brightness)
    length = b"Content-Length: %d\r\n" % len(data) if with_length else b""
    return b"--b\r\nContent-Type: image/jpeg\r\n" + length + b"\r\n" + data + b"\r\n"


Serve = Callable[[Callable[[socket.socket], None]], Source]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Answers every request as told, with bytes of any kind."""
    listener = socket.create_server(("127.0.0.1", 0))
    requests: list[bytes] = []

    def start(answer: Callable[[socket.socket], None]) -> Source:
        def loop() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection:
                    requests.append(connection.recv(4096))
                    try:
                        answer(connection)
                    except OSError:
                        continue

        threading.Thread(target=loop, daemon=True).start()
        return Source(STREAM, f"http://127.0.0.1:{listener.getsockname()[1]}/s?x=1")

    start.requests = requests  # type: ignore[attr-defined]
    yield start
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()


def opened(source: Source, timeout_s: float = 0.5) -> MjpegReader:
    reader = MjpegReader.open(source, timeout_s)
    assert reader is not None
    return reader


def brightness_of(reader: MjpegReader) -> int:
    reader.grab()
    image = reader.decode()
    assert image is not None and image.shape == (32, 48, 3)
    return round(float(image.mean()))


@pytest.mark.parametrize("with_length", [True, False])
def test_frames_one_by_one(serve: Serve, with_length: bool) -> None:
    taken = threading.Semaphore(0)

    def answer(connection: socket.socket) -> None:
        connection.sendall(OK)
        for i in range(5):
            connection.sendall(part(40 * i, with_length) + (b"" if with_length else b"--b\r\n"))
            assert taken.acquire(timeout=5)

    reader = opened(serve(answer))
    for i in range(5):
        assert abs(brightness_of(reader) - 40 * i) <= 1
        taken.release()
    assert reader.skipped == 0
    with pytest.raises(SourceLost, match="closed the connection"):
        reader.grab()
    reader.close()


def test_chunked_transfer_in_small_pieces(serve: Serve) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(OK.replace(b"HTTP/1.0 200 OK", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked"))
        stream = part(80)
        for i in range(0, len(stream), 100):
            piece = stream[i : i + 100]
            connection.sendall(b"%x\r\n%b\r\n" % (len(piece), piece))
        time.sleep(1)

    assert brightness_of(opened(serve(answer))) == 80


def test_of_frames_that_piled_up_only_the_newest_is_taken(serve: Serve) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(OK + b"".join(part(i) for i in range(200)) + part(200)[:300])  # the next one is under way
        time.sleep(1)

    reader = opened(serve(answer))
    time.sleep(0.2)
    assert brightness_of(reader) == 199
    assert reader.skipped == 199


def test_frames_that_waited_during_an_interruption_are_not_taken_for_new_ones(serve: Serve) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(OK)
        for _ in range(10):
            connection.sendall(part(0))
            time.sleep(0.02)
        time.sleep(0.4)
        connection.sendall(b"".join([part(100)] * 5) + part(100)[:300])
        time.sleep(0.02)
        connection.sendall(part(100)[300:])
        for _ in range(20):
            time.sleep(0.05)
            connection.sendall(part(200))

    reader = opened(serve(answer))
    seen = [brightness_of(reader) for _ in range(15)]
    reader.close()
    assert seen[0] == 0 and seen[-1] == 200 and 100 not in seen
    assert reader.skipped >= 1


def test_a_slow_camera_is_not_taken_for_an_interrupted_one(serve: Serve) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(OK)
        for i in range(8):
            connection.sendall(part(10 * i))
            time.sleep(0.25)

    reader = opened(serve(answer))
    assert abs(brightness_of(reader) - 0) <= 1
    assert 10 <= brightness_of(reader) <= 51, "after a few"
    last = brightness_of(reader)
    assert abs(brightness_of(reader) - last - 10) <= 2, "and then every one"
    reader.close()


def test_a_sender_that_is_faster_than_the_reader_does_not_hold_it_up(serve: Serve) -> None:
    stream = b"".join(part(i) for i in range(100))

    def answer(connection: socket.socket) -> None:
        connection.sendall(OK)
        while True:
            connection.sendall(stream)

    reader = opened(serve(answer))
    start_s = time.monotonic()
    for _ in range(3):
        brightness_of(reader)
    assert time.monotonic() - start_s < 2.0
    reader.close()


def test_a_stall_is_noticed_in_time_even_when_bytes_trickle(serve: Serve) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(OK + part(100))
        for byte in part(100)[:100]:
            time.sleep(0.05)
            connection.sendall(bytes((byte,)))

    reader = opened(serve(answer), timeout_s=0.3)
    brightness_of(reader)
    start_s = time.monotonic()
    with pytest.raises(SourceLost, match="delivers nothing"):
        reader.grab()
    assert 0.2 < time.monotonic() - start_s < 3.0, "the whole picture takes 5 s"


def test_a_waiting_read_can_be_ended(serve: Serve) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(OK)
        time.sleep(5)

    reader = opened(serve(answer))
    threading.Timer(0.2, reader.interrupt).start()
    start_s = time.monotonic()
    with pytest.raises(SourceLost):
        reader.grab()
    assert time.monotonic() - start_s < 1.5


def test_what_is_left_to_ffmpeg_and_what_is_an_error(serve: Serve) -> None:
    answers = iter(
        [
            b"HTTP/1.0 200 OK\r\nContent-Type: video/mp4\r\n\r\n",
            b"HTTP/1.0 302 Found\r\nLocation: /elsewhere\r\n\r\n",
            b"HTTP/1.0 401 Unauthorized\r\n\r\n",
            b"HTTP/1.0 404 Not Found\r\n\r\n",
            b"SSH-2.0\r\n",
        ]
    )
    source = serve(lambda connection: connection.sendall(next(answers)))
    for _ in range(3):
        assert MjpegReader.open(source, 0.5) is None
    with pytest.raises(SourceLost, match=r"/s\?x=1 answers 404 Not Found"):
        MjpegReader.open(source, 0.5)
    with pytest.raises(SourceLost, match="cannot be opened"):
        MjpegReader.open(source, 0.5)
    with pytest.raises(SourceLost, match="cannot be opened: Connection refused"):
        MjpegReader.open(Source(STREAM, "http://127.0.0.1:1/x"), 0.5)
    with pytest.raises(SourceLost, match="cannot be opened"):
        MjpegReader.open(Source(STREAM, "http://127.0.0.1:none/x"), 0.5)


def test_a_password_is_sent_and_not_shown(serve: Serve) -> None:
    source = serve(lambda connection: connection.sendall(OK))
    source = Source(STREAM, source.address.replace("127.", "me:se%20cret@127."))
    reader = opened(source)
    assert b"Authorization: Basic bWU6c2UgY3JldA==" in serve.requests[0]  # type: ignore[attr-defined]
    with pytest.raises(SourceLost) as caught:
        reader.grab()
    assert "cret" not in str(caught.value)


def test_damaged_streams_raise_nothing_else(serve: Serve) -> None:
    chance = random.Random(1)
    stream = b"".join(part(i) for i in range(20))

    def answer(connection: socket.socket) -> None:
        damaged = bytearray(stream)
        for _ in range(chance.randrange(1, 60)):
            damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        connection.sendall(OK + damaged)

    source = serve(answer)
    for _ in range(300):
        reader = opened(source)
        with pytest.raises(SourceLost):
            while True:
                reader.grab()
                reader.decode()
        reader.close()


def test_a_part_that_claims_to_be_immense_is_refused(serve: Serve) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(OK + b"--b\r\nContent-Length: 99999999999999999999\r\n\r\n")

    with pytest.raises(SourceLost, match="sends a part of"):
        opened(serve(answer)).grab()
