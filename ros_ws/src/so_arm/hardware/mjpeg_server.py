"""Cameras as HTTP MJPEG streams: frames of callables, made once for all clients and only while somebody watches."""

from __future__ import annotations

import errno
import socket
import socketserver
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np

from so_arm.core.errors import UserError, choice_error
from so_arm.hardware.camera_faults import CameraFault, CameraFaultBox, CameraFaultKind
from so_arm.hardware.jpeg_stream import JpegStream, break_off

BOUNDARY = "frame"
#: A client that takes nothing for so long is dropped [s].
SEND_TIMEOUT_S = 5.0
STILL_TIMEOUT_S = 2.0
#: Frames wait here and not in the kernel, where old ones would pile up before a slow client.
SEND_BUFFER_BYTES = 1 << 16


class MjpegServer:
    """Serves `/NAME.mjpg` (stream) and `/NAME.jpg` (still) for every source.

    sources: each returns (height, width, 3) uint8 RGB. All are called in one thread, because an OpenGL context
    belongs to one. fps: frames per second on a steady clock. port: 0 for a free one. quality: of the JPEGs, 1..100.
    When a source raises, the server ends and `failure` says why.
    """

    def __init__(
        self,
        sources: Mapping[str, Callable[[], np.ndarray]],
        fps: float = 30.0,
        port: int = 0,
        host: str = "127.0.0.1",
        quality: int = 95,
    ) -> None:
        self.failure: Exception | None = None
        self.counts: Counter[str] = Counter()  #: frames rendered per camera, and ticks that came too late
        self._streams = {name: JpegStream(name, source) for name, source in sources.items()}
        self._faults = CameraFaultBox()
        self._period_s, self._quality = 1.0 / fps, quality
        self._wanted, self._closing = threading.Event(), threading.Event()
        try:
            self._server = _Server((host, port), self._streams, self._faults, self._wanted)
        except OSError as error:
            what = "is taken by another program" if error.errno == errno.EADDRINUSE else f"cannot be used: {error}"
            raise UserError(f"port {port} of {host} {what}; choose another port, or 0 for a free one") from None
        self.host, self.port = host, int(self._server.server_address[1])
        self._threads = [
            threading.Thread(target=self._render, name="render", daemon=True),
            threading.Thread(target=self._server.serve_forever, args=(0.1,), name="serve", daemon=True),
        ]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._streams)

    def url(self, name: str) -> str:
        if name not in self._streams:
            raise choice_error("camera", name, self._streams)
        return f"http://{self.host}:{self.port}/{name}.mjpg"

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        self._closing.set()
        self._wanted.set()
        self._end_service()
        for thread in self._threads:
            if thread.is_alive():
                thread.join(2.0)

    def _end_service(self) -> None:
        if self._threads[1].is_alive():
            self._server.shutdown()
        self._server.server_close()
        for stream in self._streams.values():
            stream.drop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def inject(self, fault: CameraFault) -> None:
        if fault.camera is not None and fault.camera not in self._streams:
            raise choice_error("camera", fault.camera, self._streams)
        self._faults.add(fault)

    def clear(self) -> None:
        """Ends all faults."""
        self._faults.clear()

    def _render(self) -> None:
        deadline_s = time.monotonic()
        try:
            while not self._closing.is_set():
                if not any(stream.watched for stream in self._streams.values()):
                    self._wanted.clear()
                    # Somebody may have come between the look and the clear.
                    if not any(stream.watched for stream in self._streams.values()):
                        self._wanted.wait()
                    deadline_s = time.monotonic()
                for stream in self._streams.values():
                    self._render_one(stream)
                deadline_s += self._period_s
                late_s = time.monotonic() - deadline_s
                if late_s > 0:
                    self.counts["late"] += 1
                    deadline_s += late_s // self._period_s * self._period_s  # ticks that are past are left out
                else:
                    self._closing.wait(-late_s)
        except Exception as error:
            self.failure = error
            self._end_service()

    def _render_one(self, stream: JpegStream) -> None:
        if self._faults.find(CameraFaultKind.DISCONNECT, stream.name):
            stream.drop()
        if not stream.watched or self._faults.find(CameraFaultKind.STALL, stream.name):
            return
        rgb = stream.source()
        if fault := self._faults.find(CameraFaultKind.WRONG_SIZE, stream.name):
            rgb = cv2.resize(rgb, None, fx=fault.scale, fy=fault.scale, interpolation=cv2.INTER_AREA)
        bgr = cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR)
        _, jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, self._quality])
        stream.put(jpeg.tobytes())
        self.counts[stream.name] += 1


class _Server(socketserver.ThreadingMixIn, socketserver.TCPServer):
    # Not http.server.HTTPServer, which looks its own name up in the DNS.
    allow_reuse_address = True
    daemon_threads = True

    def __init__(
        self,
        address: tuple[str, int],
        streams: Mapping[str, JpegStream],
        faults: CameraFaultBox,
        wanted: threading.Event,
    ) -> None:
        self.streams, self.faults, self.wanted = streams, faults, wanted
        super().__init__(address, _Client)

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exception(), OSError):  # a client that goes away is nothing to print
            super().handle_error(request, client_address)


class _Client(BaseHTTPRequestHandler):
    server: _Server
    timeout = SEND_TIMEOUT_S
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        name, _, kind = self.path.lstrip("/").partition("?")[0].rpartition(".")
        stream = self.server.streams.get(name)
        if stream is None or kind not in ("mjpg", "jpg"):
            there = ", ".join(f"/{name}.mjpg /{name}.jpg" for name in self.server.streams)
            return self.send_error(404, f"choose one of: {there}")
        self.close_connection = True
        if self.server.faults.find(CameraFaultKind.DISCONNECT, name):
            return break_off(self.connection)
        seen = stream.number
        stream.watch(self.connection)
        self.server.wanted.set()
        try:
            if kind == "jpg":
                self._send_still(stream, seen)
            else:
                self._send_stream(stream, seen)
        except OSError:
            pass  # the client has gone
        finally:
            stream.leave(self.connection)

    def _send_still(self, stream: JpegStream, seen: int) -> None:
        frame = stream.after(seen, STILL_TIMEOUT_S)
        if frame is None:
            return self.send_error(503, f"no frame of {stream.name} in {STILL_TIMEOUT_S:.0f} s")
        self.send_response(200)
        self.send_header("Content-Type", "image/jpeg")
        self.send_header("Content-Length", str(len(frame[1])))
        self.end_headers()
        self.wfile.write(frame[1])

    def _send_stream(self, stream: JpegStream, seen: int) -> None:
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self.send_response(200)
        self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        self.wfile.write(f"--{BOUNDARY}\r\n".encode())
        while stream.watches(self.connection):
            frame = stream.after(seen, 1.0)
            if frame is None:
                continue
            seen, jpeg = frame
            head = f"Content-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
            # The boundary follows at once: clients that wait for it show a frame without waiting for the next one.
            self.wfile.write(b"%b%b\r\n--%b\r\n" % (head.encode(), jpeg, BOUNDARY.encode()))

    def log_message(self, *_: object) -> None:
        """Nothing to print."""
