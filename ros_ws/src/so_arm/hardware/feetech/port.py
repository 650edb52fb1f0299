"""The serial port: bytes out, bytes in, and errors that say what to do."""

from __future__ import annotations

import errno
import os
import select
from contextlib import suppress

import serial

from so_arm.hardware.feetech.errors import PortBusy, PortDenied, PortError

WRITE_TIMEOUT_S = 0.2
UDEV_LINE = 'SUBSYSTEM=="tty", ATTRS{idVendor}=="1a86", MODE="0666"'
WHICH_PORT = "`so-arm find-port` tells the port, for usb_port:= of a launch and --port of a command"
UDEV_FILE = "/etc/udev/rules.d/99-so-arm.rules"


class SerialPort:
    """An open port; every method raises PortError once it is gone."""

    def __init__(self, path: str, baud: int) -> None:
        self.path = path
        try:
            self._serial = serial.Serial(path, baud, timeout=0, write_timeout=WRITE_TIMEOUT_S, exclusive=True)
        except (OSError, ValueError) as error:
            raise _why_not(path, error) from error
        # Only some adapters (FTDI) hold bytes back; pyserial raises ValueError where the port cannot be told not to.
        with suppress(ValueError):
            self._serial.set_low_latency_mode(True)

    @property
    def baud(self) -> int:
        return int(self._serial.baudrate)

    @baud.setter
    def baud(self, baud: int) -> None:
        try:
            self._serial.baudrate = baud
        except (OSError, ValueError) as error:
            raise PortError(f"{self.path} does not take {baud} baud: {error}") from error

    def send(self, data: bytes) -> None:
        try:
            sent = self._send_at_once(data)
            if sent < len(data):
                self._serial.write(data[sent:])
        except OSError as error:
            raise self._gone(error) from error

    def _send_at_once(self, data: bytes) -> int:
        """How many bytes there was room for; pyserial waits for room in any case."""
        try:
            return os.write(self._serial.fileno(), data)
        except BlockingIOError:
            return 0

    def receive(self, timeout_s: float) -> bytes:
        """What came, at the latest after `timeout_s`; empty when nothing came."""
        try:
            descriptor = self._serial.fileno()
            if not select.select((descriptor,), (), (), max(0.0, timeout_s))[0]:
                return b""
            data = os.read(descriptor, 4096)
        except BlockingIOError:
            return b""
        except OSError as error:
            raise self._gone(error) from error
        if not data:
            raise PortError(f"{self.path} was unplugged")
        return data

    def discard_input(self) -> None:
        """Throw away what came and was not received yet."""
        try:
            self._serial.reset_input_buffer()
        except Exception as error:  # pyserial lets termios.error through, which is not an OSError
            raise self._gone(error) from error

    def close(self) -> None:
        with suppress(OSError):
            self._serial.close()

    def _gone(self, error: Exception) -> PortError:
        return PortError(f"{self.path} was unplugged or does not take data: {error}")


def _why_not(path: str, error: Exception) -> PortError:
    number = getattr(error, "errno", None)
    if number == errno.ENOENT:
        return PortError(f"{path} does not exist; is the arm plugged in? {WHICH_PORT}")
    if number in (errno.EACCES, errno.EPERM):
        return PortDenied(
            f"no permission to open {path}; add yourself to the group dialout, or add the udev rule {UDEV_LINE} "
            f"in {UDEV_FILE}"
        )
    if number in (errno.EBUSY, errno.EAGAIN) or "lock" in str(error):
        return PortBusy(f"{path} is busy: another program has it open")
    return PortError(f"{path} cannot be opened as a serial port: {error}")
