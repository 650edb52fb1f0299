"""A gamepad that may be pulled out and plugged in again: its state now, or why there is none."""

from __future__ import annotations

import threading

from so_arm.core.errors import UserError
from so_arm.core.pad_jog import PadState
from so_arm.hardware.gamepad_devices import PadDevice, open_gamepad
from so_arm.hardware.gamepad_events import PadEvents

_READ_S = 0.2
_AGAIN_S = 0.2


class Gamepad:
    """Reads in a thread of its own. path: see `open_gamepad`, which may raise at start; later it is waited for."""

    def __init__(self, path: str) -> None:
        self._path = path
        device = open_gamepad(path)
        self.name = device.name
        self.problem = ""  #: why there is no state
        self._state: PadState | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(device,), name="gamepad", daemon=True)
        self._thread.start()

    @property
    def state(self) -> PadState | None:
        """None while it is not there: then nothing may move."""
        return self._state

    def close(self) -> None:
        self._stop.set()
        self._thread.join(2.0)

    def _run(self, device: PadDevice | None) -> None:
        while device is not None:
            try:
                self._follow(device)
            except OSError as error:
                self.problem = f"gamepad {self.name} is gone ({error.strerror or error})"
            finally:
                self._state = None  # whatever it was: a stick that was pushed must not stay so
                device.close()
            device = self._open_again() if device.comes_back else None

    def _follow(self, device: PadDevice) -> None:
        events = PadEvents(device.ranges)
        events.set(*device.now())
        while not self._stop.is_set():
            self._state, self.problem = events.state, ""
            events.feed(device.read(_READ_S))
            if events.lost:
                events.set(*device.now())

    def _open_again(self) -> PadDevice | None:
        while not self._stop.wait(_AGAIN_S):
            try:
                return open_gamepad(self._path)
            except UserError:
                continue  # what is wrong is known: it is gone
        return None
