"""Which serial ports there are, what answers on them, and which arm that is."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from serial.tools import list_ports

from so_arm.core.errors import UserError
from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.bus import ARM_IDS, FeetechBus
from so_arm.hardware.feetech.errors import BusError, PortDenied, PortError
from so_arm.hardware.feetech.identity import FoundServo, noisy_rates, scan
from so_arm.hardware.feetech.settings import GRIPPER
from so_arm.hardware.feetech.stored_calibration import read_despite_fault

#: Nothing is in a hurry while an arm is set up, so late answers count too.
PATIENCE_S = 0.05
#: More than the 7.4 V servos stand: it must be the 12 V ones.
_MOST_FOR_SMALL_SERVOS_V = 9.0
#: A port that was pulled out is gone after that.
VANISHING_S = 3.0


class SerialDevice(NamedTuple):
    path: str
    description: str
    serial_number: str
    is_usb: bool


@dataclass(frozen=True)
class PortReport:
    """What is on one port. `trouble` says why nobody was asked or why nothing can be said."""

    device: SerialDevice
    servos: tuple[FoundServo, ...] = ()
    voltage: float | None = None  #: [V], the mean of those servos that tell it
    used_as_follower: bool = False
    trouble: str = ""
    denied: bool = False  #: no permission to open it

    @property
    def is_arm(self) -> bool:
        return [(servo.id, servo.baud, servo.model) for servo in self.servos] == [
            (servo_id, reg.BAUD_RATES[0], reg.MODEL_STS3215) for servo_id in ARM_IDS
        ]

    @property
    def verdict(self) -> str:
        """What it is, in words."""
        if self.trouble:
            return self.trouble
        if not self.servos:
            return "no servo answers (no arm, or its power supply is off)"
        if self.is_arm:
            return self._which_arm()
        if len(self.servos) == 1:
            return "one servo: ready for setup-motors"
        missing = [str(servo_id) for servo_id in ARM_IDS if servo_id not in {servo.id for servo in self.servos}]
        return f"not a whole arm: {', '.join(missing)} missing" if missing else "not an arm as set up by setup-motors"

    def _which_arm(self) -> str:
        if self.voltage is not None and self.voltage > _MOST_FOR_SMALL_SERVOS_V:
            return "an arm with 12 V servos: a follower"
        if self.used_as_follower:
            return "an arm that was used as a follower"
        return "an arm: a leader, or a follower that was not used yet"


def serial_devices(also: Iterable[str] = ()) -> list[SerialDevice]:
    """The ports of this machine, and those paths in `also` that exist."""
    found = [
        SerialDevice(port.device, port.description or "", port.serial_number or "", port.vid is not None)
        for port in list_ports.comports()
    ]
    known = {device.path for device in found}
    found += [SerialDevice(path, "", "", False) for path in also if path not in known and Path(path).exists()]
    return sorted(found)


def probe(device: SerialDevice) -> PortReport:
    """Asks on the port at every usual baud rate who is there; nothing is written to any servo."""
    bus = FeetechBus(device.path, margin_s=PATIENCE_S)
    try:
        with bus:
            servos, refusal = _scan_all(bus)
            if not servos and refusal:
                return PortReport(device, trouble=refusal)
            if not servos and noisy_rates(bus, (reg.BAUD_RATES[0],)):
                return PortReport(device, trouble="several servos with one id talk at once: setup-motors is next")
            return PortReport(device, tuple(servos), _voltage(bus, servos), _used_as_follower(bus, servos))
    except PortError as error:
        return PortReport(device, trouble=str(error), denied=isinstance(error, PortDenied))


def _scan_all(bus: FeetechBus) -> tuple[list[FoundServo], str]:
    servos: list[FoundServo] = []
    refusal = ""
    for baud in reg.BAUD_RATES.values():
        try:
            servos += scan(bus, (baud,))
        except PortError as error:  # an adapter need not know every rate
            refusal = str(error)
            if not Path(bus.link.path).exists():
                raise
    return servos, refusal


def _voltage(bus: FeetechBus, servos: list[FoundServo]) -> float | None:
    values = [value for servo in servos if (value := _read(bus, servo, reg.PRESENT_VOLTAGE)) is not None]
    return sum(values) / len(values) * reg.VOLT if values else None


def _used_as_follower(bus: FeetechBus, servos: list[FoundServo]) -> bool:
    """LeRobot and so_arm limit the gripper's torque on followers only, and for good."""
    gripper = [servo for servo in servos if servo.id == ARM_IDS[-1]]
    return bool(gripper) and _read(bus, gripper[0], reg.MAX_TORQUE_LIMIT) == GRIPPER[reg.MAX_TORQUE_LIMIT]


def _read(bus: FeetechBus, servo: FoundServo, register: reg.Register) -> int | None:
    if servo.model is None:
        return None
    try:
        bus.link.set_baud(servo.baud)
        return read_despite_fault(bus, servo.id, register)
    except BusError:
        return None


def vanished(before: Iterable[SerialDevice], also: Iterable[str] = (), wait_s: float = VANISHING_S) -> SerialDevice:
    """The one port of `before` that is gone now, or within `wait_s`; UserError when it is none or several."""
    also, until = tuple(also), time.monotonic() + wait_s
    while True:
        there = {device.path for device in serial_devices(also)}
        gone = [device for device in before if device.path not in there]
        if len(gone) == 1:
            return gone[0]
        if gone:
            raise UserError(f"several ports vanished: {', '.join(device.path for device in gone)}; unplug one arm only")
        if time.monotonic() > until:
            raise UserError("no port vanished; unplug the USB cable of the arm before you press Enter")
        time.sleep(0.05)
