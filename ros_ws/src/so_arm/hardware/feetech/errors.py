"""What can go wrong on the servo bus, one class per thing that a caller may treat differently."""

from __future__ import annotations

from enum import IntFlag

from so_arm.core.errors import SoArmError


class ServoFault(IntFlag):
    """Bits of the error byte of every answer, and of Status, Unloading_Condition and LED_Alarm_Condition."""

    VOLTAGE = 1
    SENSOR = 2
    TEMPERATURE = 4
    CURRENT = 8
    ANGLE = 16
    OVERLOAD = 32

    def names(self) -> str:
        """The bits that are set, in words."""
        return ", ".join(str(fault.name).lower() for fault in ServoFault if fault & self) or "none"


class BusError(SoArmError):
    """Root of all errors of the servo bus."""


class PortError(BusError):
    """The serial port itself: not there, no permission, busy, unplugged. Nobody on it can be reached."""


class PortDenied(PortError):
    """No permission to open the port."""


class PortBusy(PortError):
    """Another program has the port open."""


class PacketError(BusError):
    """Bytes that are no packet of the protocol."""


class ValueRangeError(BusError):
    """A register cannot hold the value."""


class ServoError(BusError):
    """One servo did not do its part; the others are not concerned."""

    def __init__(self, servo_id: int, reason: str) -> None:
        super().__init__(f"servo {servo_id}: {reason}")
        self.servo_id = servo_id


class ServoTimeout(ServoError):
    """No answer in time, in any try."""


class CorruptAnswer(ServoError):
    """An answer came but its checksum or length is wrong."""


class VerifyError(ServoError):
    """A register reads back differently from what was written."""


class StatusError(ServoError):
    """The servo answered, and reports a fault; `data` is what the answer carried."""

    def __init__(self, servo_id: int, faults: ServoFault, data: bytes = b"") -> None:
        super().__init__(servo_id, f"reports {faults.names()}")
        self.faults = faults
        self.data = data
