from __future__ import annotations

import errno
import json

import pytest
import serial
from tests.cli.typed import Typed
from tests.hardware.setup.hand import fewer_baud_rates

from so_arm.cli import main as cli_main
from so_arm.cli.line_input import LineInput
from so_arm.hardware.feetech.emulator import Emulator
from so_arm.hardware.feetech.faults import Fault, FaultKind
from so_arm.hardware.setup import ports


@pytest.fixture
def find_port(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cli_main, "_listen_to_signals", lambda *_: None)
    monkeypatch.setattr(ports.list_ports, "comports", lambda: [])
    monkeypatch.setattr(ports, "PATIENCE_S", 0.2)
    fewer_baud_rates(monkeypatch)
    return lambda *words: cli_main.main(["find-port", *words])


def test_an_arm_is_found_on_paper_and_in_json(find_port, capsys):
    with Emulator(wire_time=False) as emulator:
        assert find_port("--also", str(emulator.path), "--json", "-") == 0
    captured = capsys.readouterr()
    (port,) = json.loads(captured.out)["ports"]
    assert port["is_arm"] and port["port"] == str(emulator.path) and port["voltage"] == pytest.approx(7.4)
    assert [servo["id"] for servo in port["servos"]] == [1, 2, 3, 4, 5, 6]
    assert "1 2 3 4 5 6:" in captured.err and "7.4 V" in captured.err
    assert max(map(len, captured.err.splitlines())) <= 80


def test_no_permission_tells_the_udev_rule_and_the_group(find_port, capsys, monkeypatch):
    def refused(*_: object, **__: object) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    with Emulator(wire_time=False) as emulator, monkeypatch.context() as patch:
        patch.setattr(serial, "Serial", refused)
        assert find_port("--also", str(emulator.path)) == 0
    shown = capsys.readouterr().out
    assert """echo 'SUBSYSTEM=="tty", ATTRS{idVendor}=="1a86", MODE="0666"' | sudo tee /etc/udev/rules.d/""" in shown
    assert "sudo usermod -aG dialout $USER" in shown


def test_nothing_plugged_in_and_a_path_that_is_not_there(find_port, capsys):
    assert find_port() == 0
    assert "no USB serial port; plug the arm's USB cable in" in capsys.readouterr().out
    assert find_port("--also", "/nowhere") == 2
    assert capsys.readouterr().err == "error: /nowhere does not exist; is the arm plugged in?\n"


def test_unplugging_tells_the_port(find_port, capsys, monkeypatch):
    with Emulator(wire_time=False) as emulator:
        monkeypatch.setattr(LineInput, "wait", lambda *_: emulator.inject(Fault(FaultKind.UNPLUG)))
        assert find_port("--unplug", "--also", str(emulator.path)) == 0
    shown = capsys.readouterr().out
    assert "Looking which one is gone (up to 3 s)." in shown
    assert f"It is {emulator.path}; plug it in again." in shown


def test_unplugging_without_anything_or_anybody(find_port, capsys, monkeypatch):
    assert find_port("--unplug") == 2
    assert "no serial port is there" in capsys.readouterr().err
    with Emulator(wire_time=False) as emulator:
        assert find_port("--unplug", "--also", str(emulator.path), "--json", "-") == 2
        assert "do not go together" in capsys.readouterr().err
        Typed(monkeypatch).end()
        assert find_port("--unplug", "--also", str(emulator.path)) == 2
        assert "the input ended before a cable was unplugged" in capsys.readouterr().err
