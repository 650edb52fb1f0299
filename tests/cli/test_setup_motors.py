from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.cli.typed import Typed
from tests.hardware.setup.hand import fewer_baud_rates

from so_arm.cli import main as cli_main
from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.emulator import Emulator
from so_arm.hardware.feetech.servo import Servo
from so_arm.hardware.setup import ports

pytestmark = pytest.mark.slow  # every step listens at several baud rates


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """One servo from the box is wired, five are not."""
    servos = [Servo(1) for _ in range(6)]
    for servo in servos[1:]:
        servo.connected = False
    with Emulator(servos, wire_time=False) as emulator:
        yield emulator


@pytest.fixture
def setup_motors(monkeypatch: pytest.MonkeyPatch, emulator: Emulator):
    monkeypatch.setattr(cli_main, "_listen_to_signals", lambda *_: None)
    monkeypatch.setattr(ports, "PATIENCE_S", 0.1)
    fewer_baud_rates(monkeypatch)

    def run(typed: list[str], *words: str) -> int:
        Typed(monkeypatch).end(*typed)
        return cli_main.main(["setup-motors", "--port", str(emulator.path), *words])

    return run


def _wire_next(emulator: Emulator) -> None:
    with emulator.lock:
        next(servo for servo in emulator.servos if not servo.connected).connected = True


def test_all_six_in_one_go(setup_motors, emulator: Emulator, capsys, monkeypatch):
    from so_arm.hardware.setup.motor_setup import MotorSetup

    give = MotorSetup.give

    def then_wire_next(setup: MotorSetup, joint: str, servo: object) -> bool:
        changed = give(setup, joint, servo)  # type: ignore[arg-type]
        if joint != "shoulder_pan":
            _wire_next(emulator)
        return changed

    monkeypatch.setattr(MotorSetup, "give", then_wire_next)
    assert setup_motors([""] * 6) == 0
    shown = capsys.readouterr().out
    assert [servo.id for servo in emulator.servos] == [6, 5, 4, 3, 2, 1]
    assert "gripper: servo 1 at 1000000 baud is now 6 at 1000000 baud" in shown
    assert "shoulder_pan: had its id" in shown
    assert f"so-arm calibrate --port {emulator.path} --output my_arm.json" in shown


def test_it_says_how_to_go_on_and_goes_on(setup_motors, emulator: Emulator, capsys):
    assert setup_motors([""]) == 2
    captured = capsys.readouterr()
    assert f"to go on: so-arm setup-motors --port {emulator.path} --from wrist_roll" in captured.out
    assert captured.err == "error: the input ended before the servo of wrist_roll was connected\n"
    _wire_next(emulator)
    assert setup_motors([""]) == 2
    shown = capsys.readouterr().out
    assert "gripper: servo 6 is connected and done" in shown and "--from wrist_flex" in shown
    assert [servo.id for servo in emulator.servos[:3]] == [6, 5, 1]


def test_from_skips_what_is_done(setup_motors, emulator: Emulator, capsys):
    assert setup_motors([""], "--from", "elbow_flex") == 2
    assert emulator.servos[0].id == 3
    assert setup_motors([""], "--from", "elbow") == 2
    assert "Did you mean 'elbow_flex'?" in capsys.readouterr().err


def test_two_servos_are_refused_and_asked_for_again(setup_motors, emulator: Emulator, capsys):
    _wire_next(emulator)
    assert setup_motors([""]) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1
    assert "the last answer was: several servos with one id talk at once" in captured.err
    assert [servo.id for servo in emulator.servos] == [1] * 6


def test_a_servo_of_another_joint_is_taken_only_when_told_so(setup_motors, emulator: Emulator, capsys):
    emulator.servos[0].put(reg.ID, 4)
    assert setup_motors(["", ""]) == 2
    assert "This servo has id 4, that of wrist_flex." in capsys.readouterr().out
    assert emulator.servos[0].id == 4
    assert setup_motors(["", "y"]) == 2
    assert emulator.servos[0].id == 6


def test_a_port_that_is_not_there(setup_motors, capsys):
    assert cli_main.main(["setup-motors", "--port", "/nowhere"]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: /nowhere does not exist; is the arm plugged in? `so-arm find-port` tells the port")
    assert "usb_port:=" in told and told.count("\n") == 1
    assert cli_main.main(["setup-motors"]) == 2
    assert "--port" in capsys.readouterr().err
