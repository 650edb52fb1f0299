"""Where the events of a gamepad come from: a device of this machine, a FIFO, or a recording.

A FIFO and a recording hold the bytes of ``/dev/input/eventN``; a JSON file beside them (FILE.json) tells what the
kernel tells of a device: ``{"name": "...", "axes": {"0": [minimum, maximum], ...}}``, axes by the kernel's code.
"""

from __future__ import annotations

import json
import os
import select
import stat
import time
from pathlib import Path
from typing import Protocol

from so_arm.core.errors import UserError
from so_arm.hardware.gamepad_events import ABS, EVENT, KEY, AxisRange

INPUT = Path("/dev/input")
_SOUTH, _X, _Y = 0x130, 0x00, 0x01
_ENDED = "the recording is over"


class PadDevice(Protocol):
    """Opened. Its methods raise OSError when it is gone."""

    name: str
    ranges: dict[int, AxisRange]
    comes_back: bool  #: once it is gone, it may be plugged in again

    def now(self) -> tuple[dict[int, int], tuple[int, ...]]:
        """Where axes (by code) and buttons (codes) are; empty where nothing can tell."""

    def read(self, timeout_s: float) -> bytes:
        """Events, as soon as there are any; empty when there are none in time."""

    def close(self) -> None: ...


class EventDevice:
    """A gamepad of this machine."""

    comes_back = True

    def __init__(self, path: Path) -> None:
        from evdev import InputDevice

        self._device = InputDevice(path, readonly=True)
        self.name = self._device.name
        infos = {code: self._device.absinfo(code) for code in self._device.capabilities(absinfo=False).get(ABS, [])}
        self.ranges = {code: AxisRange(info.min, info.max) for code, info in infos.items()}
        if not {_X, _Y} <= self.ranges.keys():
            self.close()
            raise UserError(f"{path} ({self.name}) is no gamepad: it has no sticks; {input_devices()}")

    def now(self) -> tuple[dict[int, int], tuple[int, ...]]:
        # What `capabilities` tells is as of when the device was opened.
        return {code: self._device.absinfo(code).value for code in self.ranges}, tuple(self._device.active_keys())

    def read(self, timeout_s: float) -> bytes:
        readable, _, _ = select.select([self._device.fd], [], [], timeout_s)
        return os.read(self._device.fd, 64 * EVENT.size) if readable else b""

    def close(self) -> None:
        self._device.close()


class FifoDevice:
    """Plugged in while somebody has the FIFO open for writing."""

    comes_back = True

    def __init__(self, path: Path) -> None:
        self.name, self.ranges = _sidecar(path)
        self._fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            self._first = self._read()
        except OSError:
            self.close()
            raise

    def now(self) -> tuple[dict[int, int], tuple[int, ...]]:
        return {}, ()

    def read(self, timeout_s: float) -> bytes:
        first, self._first = self._first, b""
        if first:
            return first
        readable, _, _ = select.select([self._fd], [], [], timeout_s)
        return self._read() if readable else b""

    def close(self) -> None:
        os.close(self._fd)

    def _read(self) -> bytes:
        try:
            data = os.read(self._fd, 64 * EVENT.size)
        except BlockingIOError:
            return b""
        if not data:
            raise OSError("nobody writes into it")
        return data


class RecordedDevice:
    """Gives the events with the pauses that they came with, once."""

    comes_back = False

    def __init__(self, path: Path) -> None:
        self.name, self.ranges = _sidecar(path)
        data = path.read_bytes()
        if len(data) % EVENT.size:
            raise UserError(f"gamepad {path}: its {len(data)} bytes are not whole events of {EVENT.size} bytes")
        self._events = [data[at : at + EVENT.size] for at in range(0, len(data), EVENT.size)]
        self._began_s = time.monotonic() - self._time_s(self._events[0]) if self._events else 0.0

    def now(self) -> tuple[dict[int, int], tuple[int, ...]]:
        return {}, ()

    def read(self, timeout_s: float) -> bytes:
        if not self._events:
            raise OSError(_ENDED)
        wait_s = self._began_s + self._time_s(self._events[0]) - time.monotonic()
        time.sleep(max(min(wait_s, timeout_s), 0.0))
        return self._events.pop(0) if wait_s <= timeout_s else b""

    def close(self) -> None:
        """Nothing is open."""

    @staticmethod
    def _time_s(event: bytes) -> float:
        seconds, microseconds, *_ = EVENT.unpack(event)
        return float(seconds + microseconds * 1e-6)


def open_gamepad(path: str) -> PadDevice:
    """The gamepad at `path`, or the first one of this machine when it is empty.

    UserError when there is none, or it cannot be used; it lists the input devices there are.
    """
    if not path:
        path = _first_gamepad()
    place = Path(path).expanduser()
    try:
        mode = place.stat().st_mode
        if stat.S_ISREG(mode):
            return RecordedDevice(place)
        return FifoDevice(place) if stat.S_ISFIFO(mode) else EventDevice(place)
    except FileNotFoundError:
        raise UserError(f"gamepad {path} does not exist; {input_devices()}") from None
    except PermissionError:
        raise UserError(f"gamepad {path} may not be read; add yourself to the group 'input'") from None
    except OSError as error:
        raise UserError(f"gamepad {path} cannot be used ({error.strerror or error}); {input_devices()}") from None


def input_devices() -> str:
    """What there is, for error messages."""
    found = [f"{path} ({name}{', a gamepad' if is_pad else ''})" for path, name, is_pad in _listed()]
    return f"input devices here: {', '.join(found) or 'none that may be read'}"


def _first_gamepad() -> str:
    for path, _, is_pad in _listed():
        if is_pad:
            return path
    raise UserError(f"no gamepad; {input_devices()}")


def _listed() -> list[tuple[str, str, bool]]:
    """Path, name and whether it has the sticks and buttons of a gamepad."""
    from evdev import InputDevice

    found = []
    for path in sorted(INPUT.glob("event*"), key=lambda path: int(path.name[5:])):
        try:
            device = InputDevice(path, readonly=True)
        except OSError:
            continue
        abilities = device.capabilities(absinfo=False)
        is_pad = _SOUTH in abilities.get(KEY, []) and {_X, _Y} <= set(abilities.get(ABS, []))
        found.append((str(path), device.name, is_pad))
        device.close()
    return found


def _sidecar(path: Path) -> tuple[str, dict[int, AxisRange]]:
    file = path.with_name(f"{path.name}.json")
    try:
        told = json.loads(file.read_text(encoding="utf-8"))
        return str(told["name"]), {int(code): AxisRange(*map(int, ends)) for code, ends in told["axes"].items()}
    except FileNotFoundError:
        raise UserError(f"gamepad {path} is a file, and {file.name} with its name and axes is not beside it") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f'{file}: expected {{"name": ..., "axes": {{"CODE": [MINIMUM, MAXIMUM]}}}} ({error})') from None
