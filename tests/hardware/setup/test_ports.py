"""Which arm is on which port, and what is said of ports that cannot be asked."""

from __future__ import annotations

import errno
import threading
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import serial
from tests.hardware.setup.hand import fewer_baud_rates

from so_arm.core.errors import UserError
from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.emulator import Emulator
from so_arm.hardware.feetech.faults import Fault, FaultKind
from so_arm.hardware.feetech.port import SerialPort
from so_arm.hardware.feetech.servo import Servo
from so_arm.hardware.setup import ports
from so_arm.hardware.setup.ports import PortReport, SerialDevice, probe, serial_devices, vanished

pytestmark = pytest.mark.slow  # every port is listened to at several baud rates


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(wire_time=False) as emulator:
        yield emulator


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch):
    fewer_baud_rates(monkeypatch)
    monkeypatch.setattr(ports, "PATIENCE_S", 0.1)
    monkeypatch.setattr(ports.list_ports, "comports", lambda: [])


def _device(emulator: Emulator) -> SerialDevice:
    (device,) = serial_devices([str(emulator.path)])
    return device


def test_an_arm_is_told_by_its_servos(emulator: Emulator):
    report = probe(_device(emulator))
    assert report.is_arm
    assert report.voltage == pytest.approx(7.4)
    assert report.verdict == "an arm: a leader, or a follower that was not used yet"


def test_a_follower_is_told_by_its_gripper_and_by_12_v(emulator: Emulator):
    with emulator.lock:
        emulator.servo(6).put(reg.MAX_TORQUE_LIMIT, 500)
    assert probe(_device(emulator)).verdict == "an arm that was used as a follower"
    with emulator.lock:
        for servo in emulator.servos:
            servo.put(reg.MAX_VOLTAGE_LIMIT, 140)
            servo.supply_v = 12.1
    assert probe(_device(emulator)).verdict == "an arm with 12 V servos: a follower"


def test_half_an_arm_one_servo_and_many_with_one_id(emulator: Emulator):
    emulator.inject(Fault(FaultKind.SILENT, servo=3))
    report = probe(_device(emulator))
    assert not report.is_arm and report.verdict == "not a whole arm: 3 missing"
    for servo_id in (2, 4, 5, 6):
        emulator.inject(Fault(FaultKind.SILENT, servo=servo_id))
    report = probe(_device(emulator))
    assert report.verdict == "one servo: ready for setup-motors"
    emulator.inject(Fault(FaultKind.SILENT, servo=1))
    assert "no servo answers" in probe(_device(emulator)).verdict
    with Emulator([Servo(1), Servo(1)], wire_time=False) as fresh:
        assert probe(_device(fresh)).verdict == "several servos with one id talk at once: setup-motors is next"


def test_a_servo_at_another_rate_is_found(emulator: Emulator):
    with emulator.lock:
        emulator.servo(5).put(reg.BAUD_RATE, 1)
    report = probe(_device(emulator))
    assert (5, 500_000) in {(servo.id, servo.baud) for servo in report.servos}
    assert not report.is_arm and report.verdict == "not an arm as set up by setup-motors"


def test_a_rate_that_the_adapter_does_not_know_is_left_out(emulator: Emulator, monkeypatch):
    original = SerialPort.baud

    def set_baud(port: SerialPort, baud: int) -> None:
        if baud == 500_000:
            raise ports.PortError(f"{port.path} does not take {baud} baud")
        original.fset(port, baud)  # type: ignore[attr-defined]

    monkeypatch.setattr(SerialPort, "baud", original.setter(set_baud))  # type: ignore[attr-defined]
    assert probe(_device(emulator)).is_arm


def test_ports_that_cannot_be_asked_say_why(emulator: Emulator, monkeypatch):
    with serial.Serial(str(emulator.path), exclusive=True):
        report = probe(_device(emulator))
    assert "is busy: another program has it open" in report.verdict and not report.denied

    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(serial, "Serial", refused)
    report = probe(_device(emulator))
    assert report.denied and "no permission" in report.verdict


def test_nothing_is_written_to_the_servos():
    codes = set()
    with Emulator(wire_time=False, on_request=lambda packet: codes.add(packet.code)) as emulator:
        probe(_device(emulator))
    assert codes <= {1, 2}, "ping and read only"


def test_the_machines_own_ports_come_with_their_serial_number(monkeypatch):
    port = SimpleNamespace(device="/dev/ttyACM7", description="USB Single Serial", serial_number="58FA", vid=0x1A86)
    built_in = SimpleNamespace(device="/dev/ttyS0", description=None, serial_number=None, vid=None)
    monkeypatch.setattr(ports.list_ports, "comports", lambda: [built_in, port])
    assert serial_devices(["/dev/ttyS0", "/nowhere"]) == [
        SerialDevice("/dev/ttyACM7", "USB Single Serial", "58FA", True),
        SerialDevice("/dev/ttyS0", "", "", False),
    ]


def test_the_port_that_vanishes_is_the_one(emulator: Emulator):
    with Emulator(wire_time=False) as other:
        also = [str(emulator.path), str(other.path)]
        before = serial_devices(also)
        with pytest.raises(UserError, match="no port vanished; unplug the USB cable of the arm before"):
            vanished(before, also, wait_s=0.0)
        threading.Timer(0.2, emulator.inject, (Fault(FaultKind.UNPLUG),)).start()
        assert vanished(before, also, wait_s=20.0).path == str(emulator.path)
        other.inject(Fault(FaultKind.UNPLUG))
        while other.path.exists():
            pass
        with pytest.raises(UserError, match="several ports vanished"):
            vanished(before, also, wait_s=0.0)


def test_a_report_without_a_device_that_tells_volts():
    assert PortReport(SerialDevice("p", "", "", True)).voltage is None
