"""The newest frame of an HTTP MJPEG stream, without ffmpeg.

ffmpeg hands out every frame that piled up while the stream or this machine was held up, and each would be stamped as
if it were new; a read that hangs cannot be ended from outside, and opening a stalled stream takes all of five seconds.
Here the newest frame wins, what may have waited on its way is dropped, a stall is noticed in time, and `interrupt` from
another thread ends a read at once.
"""

from __future__ import annotations

import base64
import contextlib
import re
import select
import socket
import time
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.parse import unquote, urlsplit

import cv2
import numpy as np

from so_arm.hardware.camera_source import Source, SourceLost

MAX_PART_BYTES = 1 << 25
#: A camera may take so long from the request to its first frame [s].
FIRST_FRAME_S = 3.0
#: No longer than this for a frame that is newer than the one at hand [s].
DRAIN_S = 0.05
#: After an interruption that is longer than this, and than three usual intervals, what comes first may have waited in
#: some buffer, however late its last byte came: the frames of the first moments are not taken [s].
INTERRUPTION_S, SETTLING_S = 0.2, 0.1
_LENGTH = re.compile(rb"content-length:\s*(\d+)", re.IGNORECASE)


class MjpegReader:
    def __init__(self, response: HTTPResponse, connection: socket.socket, source: Source, timeout_s: float) -> None:
        self.skipped = 0  #: frames that a newer one overtook, or that came first after an interruption
        self._last_s: float | None = None  # when a frame came
        self._interval_s = self._settled_s = 0.0
        self._response, self._socket = response, connection
        self._source, self._timeout_s, self._wait_s = source, timeout_s, max(timeout_s, FIRST_FRAME_S)
        connection.settimeout(self._wait_s)
        # Some cameras name the boundary with the dashes that only belong before it.
        self._boundary = b"--" + str(response.headers.get_param("boundary") or "").lstrip("-").encode()
        self._buffer = bytearray()
        self._jpeg = b""

    @classmethod
    def open(cls, source: Source, timeout_s: float) -> MjpegReader | None:
        """None when it is something else than an MJPEG stream, or wants another kind of access: a job for ffmpeg."""
        url = urlsplit(source.address)
        try:
            connection = (HTTPSConnection if url.scheme == "https" else HTTPConnection)(
                url.hostname or "", url.port, timeout=timeout_s
            )
            connection.connect()
            connected: socket.socket = connection.sock
            target = (url.path or "/") + (f"?{url.query}" if url.query else "")
            connection.request("GET", target, headers=_login(url.username, url.password))
            response = connection.getresponse()
        except TimeoutError:
            raise SourceLost(f"{source} does not answer within {timeout_s:.1f} s") from None
        except (OSError, HTTPException, ValueError) as error:
            raise SourceLost(f"{source} cannot be opened: {_reason(error)}") from None
        reader = cls(response, connected, source, timeout_s)
        if response.status == 200 and response.headers.get_content_type() == "multipart/x-mixed-replace":
            return reader
        reader.close()
        if response.status not in (200, 301, 302, 303, 307, 308, 401):
            raise SourceLost(f"{source} answers {response.status} {response.reason}")
        return None

    def grab(self) -> None:
        """Wait for a frame, and take the newest one that is there. SourceLost when none comes in time."""
        self._receive()
        while self._may_be_old():
            self.skipped += 1
            self._receive()

    def _may_be_old(self) -> bool:
        now_s, last_s = time.monotonic(), self._last_s
        self._last_s = now_s
        if last_s is not None:
            interval_s = now_s - last_s
            if interval_s > max(INTERRUPTION_S, 3 * self._interval_s):
                self._settled_s = now_s + SETTLING_S
            self._interval_s += 0.3 * (interval_s - self._interval_s)
        return now_s < self._settled_s

    def _receive(self) -> None:
        jpeg: bytes | None = None
        deadline_s = time.monotonic() + self._wait_s
        try:
            while True:
                while (part := self._take_part()) is not None:
                    if jpeg is None:
                        deadline_s = time.monotonic() + DRAIN_S
                    else:
                        self.skipped += 1
                    jpeg = part
                late = time.monotonic() > deadline_s
                if jpeg is not None and (late or not self._more()):
                    self._jpeg, self._wait_s = jpeg, self._timeout_s
                    self._socket.settimeout(self._wait_s)
                    return
                if late:
                    raise TimeoutError
                data = self._response.read1(1 << 16)
                if not data:
                    raise SourceLost(f"{self._source} closed the connection")
                self._buffer += data
        except TimeoutError:
            raise SourceLost(f"{self._source} delivers nothing") from None
        except (OSError, HTTPException, ValueError) as error:
            raise SourceLost(f"{self._source} broke off: {_reason(error)}") from None

    def decode(self) -> np.ndarray | None:
        """(height, width, 3) uint8 BGR of the grabbed frame; None when it is broken."""
        try:
            return cv2.imdecode(np.frombuffer(self._jpeg, np.uint8), cv2.IMREAD_COLOR)
        except cv2.error:  # nothing at all, or a picture that claims to be immense
            return None

    def interrupt(self) -> None:
        """Ends a `grab` that waits, from another thread."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._response.close()
        self._socket.close()

    def _more(self) -> bool:
        return bool(select.select((self._socket,), (), (), 0)[0])

    def _take_part(self) -> bytes | None:
        """The first complete part of what has arrived, without its headers."""
        head_end = self._buffer.find(b"\r\n\r\n")
        if head_end < 0:
            self._check_size()
            return None
        begin = head_end + 4
        if length := _LENGTH.search(self._buffer, 0, head_end):
            end = begin + int(length[1])
            if end > MAX_PART_BYTES:
                raise SourceLost(f"{self._source} sends a part of {end} bytes")
            if len(self._buffer) < end:
                return None
            part = bytes(self._buffer[begin:end])
        else:
            end = self._buffer.find(self._boundary, begin)
            if end < 0:
                self._check_size()
                return None
            part = bytes(self._buffer[begin:end]).rstrip(b"-\r\n")  # a JPEG ends with other bytes
        del self._buffer[:end]
        return part

    def _check_size(self) -> None:
        if len(self._buffer) > MAX_PART_BYTES:
            raise SourceLost(f"{self._source} sends no parts of a multipart stream")


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)


def _login(name: str | None, password: str | None) -> dict[str, str]:
    if name is None:
        return {}
    token = base64.b64encode(f"{unquote(name)}:{unquote(password or '')}".encode()).decode()
    return {"Authorization": f"Basic {token}"}
