"""Camera streams in a process of their own: drawing pictures must not hold up the emulated bus."""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Self

import numpy as np

from so_arm.core.errors import UserError, choice_error
from so_arm.core.interrupt import children_deaf_to_interrupt
from so_arm.hardware.camera_faults import CameraFault
from so_arm.hardware.mjpeg_server import MjpegServer

#: By camera a function that returns (height, width, 3) uint8 RGB; made in the new process, so it has to be picklable.
MakeSources = Callable[[], Mapping[str, Callable[[], np.ndarray]]]
_START_TIMEOUT_S = 120.0
_LOOK_S = 0.2


class StreamProcess:
    """An `MjpegServer` of `make_sources()`; port 0 takes a free one. It ends with this process, however that dies."""

    def __init__(self, make_sources: MakeSources, fps: float = 30.0, port: int = 0) -> None:
        self.urls: dict[str, str] = {}  #: by camera, once it is started
        self._failure: str | None = None
        self._closing = False
        context = multiprocessing.get_context("spawn")  # OpenGL does not survive a fork
        self._line, self._theirs = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(make_sources, fps, port, self._theirs), name="cameras", daemon=True
        )
        self._listener = threading.Thread(target=self._listen, name="cameras", daemon=True)

    def start(self) -> Self:
        """Returns when the streams can be read; UserError when they cannot be served."""
        with children_deaf_to_interrupt():
            self._process.start()
        self._theirs.close()
        try:
            if not self._line.poll(_START_TIMEOUT_S):
                raise UserError(f"the camera streams did not start within {_START_TIMEOUT_S:.0f} s")
            said = self._line.recv()
        except EOFError:
            said = "the process of the camera streams died (killed, or out of memory?)"
        if isinstance(said, str):
            raise UserError(said)
        self.urls = said
        self._listener.start()
        return self

    @property
    def failure(self) -> str | None:
        """Why the streams ended; None while they are served."""
        return self._failure

    def inject(self, fault: CameraFault) -> None:
        """Starts a fault, when its time has come."""
        if fault.camera is not None and fault.camera not in self.urls:
            raise choice_error("camera", fault.camera, self.urls)
        self._tell(fault)

    def clear(self) -> None:
        """Ends all faults."""
        self._tell(None)

    def _tell(self, order: CameraFault | None) -> None:
        try:
            self._line.send(order)
        except OSError:
            raise UserError(f"the camera streams are gone: {self._failure}") from None

    def close(self) -> None:
        self._closing = True
        with suppress(OSError):
            self._process.kill()
        if self._process.pid is not None:
            self._process.join()
        if self._listener.is_alive():
            self._listener.join()
        self._line.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.close()

    def _listen(self) -> None:
        reason = "their process died (killed, or out of memory?)"
        with suppress(EOFError, OSError):
            reason = self._line.recv()
        if not self._closing:
            self._failure = reason


def _serve(make_sources: MakeSources, fps: float, port: int, line: Connection) -> None:
    """The process: until an error, or until the other end of `line` is gone."""
    try:
        server = MjpegServer(make_sources(), fps, port)
    except UserError as error:
        line.send(str(error))
        return
    with server, suppress(EOFError, OSError):
        line.send({name: server.url(name) for name in server.names})
        while server.failure is None:
            if line.poll(_LOOK_S):
                order = line.recv()
                server.inject(order) if order is not None else server.clear()
        line.send(str(server.failure))
