"""Calibrating at a keyboard, or at a pipe that plays one."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.cli.typed import Typed
from tests.hardware.setup.hand import MARGIN_S, Hand

from so_arm.cli import main as cli_main
from so_arm.core.calibration import Calibration, nominal_calibration
from so_arm.core.calibration_formats import lerobot_text, read_calibration
from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.bus import FeetechBus
from so_arm.hardware.feetech.faults import Fault, FaultKind
from so_arm.hardware.feetech.stored_calibration import read_mismatches
from so_arm.hardware.setup import ports
from so_arm.hardware.setup.calibration_session import write_into_servos

pytestmark = pytest.mark.slow  # a hand takes its time

MIDDLE = np.array([2048, 700, 3990, 1500, 20, 3000])
REACH = np.array([1250, 1150, 1090, 1080, 0, 620])
OLD = nominal_calibration({"shoulder_lift": 5})


@pytest.fixture
def hand() -> Iterator[Hand]:
    hand = Hand(MIDDLE)
    with hand.emulator:
        yield hand


@pytest.fixture
def calibrate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, hand: Hand):
    monkeypatch.setattr(cli_main, "_listen_to_signals", lambda *_: None)
    monkeypatch.setattr(ports, "PATIENCE_S", MARGIN_S)
    monkeypatch.chdir(tmp_path)
    return lambda *words: cli_main.main(["calibrate", "--port", str(hand.emulator.path), *words])


def _mismatches(hand: Hand, calibration: Calibration) -> object:
    with FeetechBus(str(hand.emulator.path), margin_s=MARGIN_S) as bus:
        return read_mismatches(bus, calibration)


def _preset(hand: Hand, calibration: Calibration) -> None:
    with FeetechBus(str(hand.emulator.path), margin_s=MARGIN_S) as bus:
        write_into_servos(bus, calibration)


def _wait_for_middle(hand: Hand, servo_id: int = 6) -> None:
    """Until the session took this pose for the middle."""
    while True:
        with hand.emulator.lock:
            if hand.emulator.servo(servo_id).present() == 2047:
                break
        time.sleep(0.01)
    time.sleep(0.3)


def _at_the_arm(typed: Typed, play: Callable[[], None]) -> threading.Thread:
    """Somebody who begins with Enter at the middle pose."""
    typed.type("")
    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    return thread


def _move_all(hand: Hand) -> None:
    for part in (0, -1, 0, 1):
        hand.move(MIDDLE + part * REACH)
        time.sleep(0.4)  # on a loaded machine too it is seen there


def test_guided_from_middle_to_file_and_servos(calibrate, hand: Hand, capsys, monkeypatch):
    typed = Typed(monkeypatch)

    def play() -> None:
        _wait_for_middle(hand)
        typed.type("")  # too early: nothing was moved
        _move_all(hand)
        typed.end("")

    _at_the_arm(typed, play)
    assert calibrate("--output", "new/arm.json") == 0
    shown = capsys.readouterr().out
    arm = read_calibration(Path("new/arm.json"))
    assert lerobot_text(arm) == Path("new/arm.json").read_text()
    for joint, middle, reach in zip(arm.in_order(), MIDDLE, REACH, strict=True):
        ends = (0, 4095) if joint.id == 5 else (2047 - reach, 2047 + reach)
        assert (joint.homing_offset, joint.range_min, joint.range_max) == (middle - 2047, *ends)
    assert _mismatches(hand, arm) == {}
    assert "not moved: shoulder_pan, shoulder_lift, elbow_flex, wrist_flex, gripper; move every joint" in shown
    assert "written: new/arm.json; the servos hold the same (read back)" in shown
    assert f"so-arm check --port {hand.emulator.path} --calibration new/arm.json" in shown
    assert max(len(line) for line in shown.splitlines() if "│" in line) <= 80


def test_a_wrapped_joint_starts_again_from_the_middle(calibrate, hand: Hand, capsys, monkeypatch):
    typed = Typed(monkeypatch)
    elbow = np.array([0, 0, 1, 0, 0, 0])
    hand.move(MIDDLE + 1000 * elbow)

    def play() -> None:
        _wait_for_middle(hand)
        for ticks in (1000, 0, -900, -1100):
            hand.move(MIDDLE + ticks * elbow)
            time.sleep(0.3)
        hand.move(MIDDLE)
        typed.type("", "")
        _wait_for_middle(hand, 3)
        _move_all(hand)
        typed.end("")

    _at_the_arm(typed, play)
    assert calibrate("--robot-id", "blue", "--role", "leader") == 0
    shown = capsys.readouterr().out
    assert "elbow_flex crossed the end of the encoder's turn: the middle pose was not the middle" in shown


@pytest.fixture(autouse=True)
def _lerobots_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("HF_LEROBOT_CALIBRATION", str(tmp_path / "lerobot"))


def test_odd_ranges_are_kept_only_when_told_so(calibrate, hand: Hand, capsys, monkeypatch):
    typed = Typed(monkeypatch)
    monkeypatch.setattr(sys.modules[__name__], "REACH", REACH // [1, 1, 1, 1, 1, 3])

    def play() -> None:
        _wait_for_middle(hand)
        _move_all(hand)
        typed.end("", "", "", "y")

    _at_the_arm(typed, play)
    assert calibrate("--robot-id", "blue", "--role", "leader") == 0
    assert Path("lerobot/teleoperators/so_leader/blue.json").is_file()
    assert capsys.readouterr().out.count("was it moved to both ends?") == 2


def test_input_that_ends_leaves_the_servos_as_they_were(calibrate, hand: Hand, capsys, monkeypatch):
    _preset(hand, OLD)
    typed = Typed(monkeypatch)
    typed.end("")
    assert calibrate("--output", "arm.json") == 2
    captured = capsys.readouterr()
    assert captured.err.splitlines() == [
        "nothing is changed: the servos hold what they held before",
        "error: the input ended before the ranges were recorded",
    ]
    assert not Path("arm.json").exists()
    assert _mismatches(hand, OLD) == {}


def test_an_existing_file_is_kept(calibrate, hand: Hand, capsys, monkeypatch):
    Path("arm.json").write_text("old")
    assert calibrate("--output", "arm.json") == 2
    assert capsys.readouterr().err == "error: arm.json exists; --force replaces it and keeps a dated copy\n"
    typed = Typed(monkeypatch)

    def play() -> None:
        _wait_for_middle(hand)
        _move_all(hand)
        typed.end("")

    _at_the_arm(typed, play)
    assert calibrate("--output", "arm.json", "--force") == 0
    (copy,) = Path().glob("arm.*-*.json")
    assert copy.read_text() == "old"
    assert f"the older file is kept: {copy}" in capsys.readouterr().out


def test_what_was_measured_is_not_lost_when_the_servos_cannot_be_written(calibrate, hand: Hand, capsys, monkeypatch):
    monkeypatch.setattr(ports, "PATIENCE_S", 0.02)
    typed = Typed(monkeypatch)

    def play() -> None:
        _wait_for_middle(hand)
        _move_all(hand)
        hand.emulator.inject(Fault(FaultKind.SILENT, servo=3))
        time.sleep(0.3)
        typed.end("")

    _at_the_arm(typed, play)
    assert calibrate("--output", "arm.json") == 2
    error = capsys.readouterr().err
    assert "what was measured is in arm.json: mend the bus, then so-arm calibrate --write arm.json" in error
    assert "could not be written back (servo 3: offset 0, range 0..4095)" in error
    assert read_calibration(Path("arm.json")).joints["elbow_flex"].homing_offset == 3990 - 2047


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ([], "give --output FILE, or --robot-id ID"),
        (["--output", "a.json", "--robot-id", "b"], "give --output FILE, or --robot-id ID"),
        (["--robot-id", "../b"], "robot id '../b' is not a plain name"),
        (["--output", "."], "is a folder; give a file name"),
        (["--output", "file/arm.json"], "file is a file; choose a folder"),
        (["--write", "a.json", "--force"], "leave out --output, --robot-id and --force"),
        (["--write", "a.json"], "a.json cannot be read: No such file or directory"),
    ],
)
def test_a_bad_command_line_is_one_line(calibrate, capsys, words: list[str], reason: str):
    Path("file").touch()
    assert calibrate(*words) == 2
    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1 and reason in captured.err


def test_write_shows_before_and_after_and_asks(calibrate, hand: Hand, capsys, monkeypatch):
    Path("arm.json").write_text(lerobot_text(OLD))
    Typed(monkeypatch).end("n")
    assert calibrate("--write", "arm.json") == 2
    captured = capsys.readouterr()
    assert captured.err == "error: nothing is changed: it was not confirmed\n"
    (row,) = [line for line in captured.out.splitlines() if "shoulder_lift" in line]
    assert "0 → 5" in row and "0..4095 → 907..3187" in row and "changes" in row
    assert _mismatches(hand, OLD) != {}
    Typed(monkeypatch).end("y")
    assert calibrate("--write", "arm.json") == 0
    assert _mismatches(hand, OLD) == {}
    assert calibrate("--write", "arm.json") == 0
    assert "the servos hold what arm.json says; nothing to write" in capsys.readouterr().out


def test_write_with_yes_asks_nobody_and_without_input_it_says_so(calibrate, hand: Hand, capsys, monkeypatch):
    Path("arm.json").write_text(lerobot_text(OLD))
    Typed(monkeypatch).end()
    assert calibrate("--write", "arm.json") == 2
    assert "(--yes does it)" in capsys.readouterr().err
    assert calibrate("--write", "arm.json", "--yes") == 0
    assert _mismatches(hand, OLD) == {}


def test_an_arm_that_holds_itself_is_supported_first(calibrate, hand: Hand, capsys, monkeypatch):
    with FeetechBus(str(hand.emulator.path), margin_s=MARGIN_S) as bus:
        bus.enable_torque()
    Typed(monkeypatch).end()
    assert calibrate("--output", "arm.json") == 2
    assert "will go limp: hold the arm" in capsys.readouterr().out
    assert hand.emulator.servo(1).get(reg.TORQUE_ENABLE) == reg.TORQUE_ON


def test_ctrl_c_at_a_terminal_leaves_the_servos_as_they_were(hand: Hand, tmp_path: Path):
    _preset(hand, OLD)
    screen, terminal = pty.openpty()
    command = [sys.executable, "-m", "so_arm.cli.main", "calibrate", "--port", str(hand.emulator.path), "-o", "a.json"]
    process = subprocess.Popen(
        command, stdin=terminal, stdout=terminal, stderr=terminal, cwd=tmp_path, start_new_session=True
    )
    os.close(terminal)
    try:
        shown = _read_until(screen, "press Enter")
        os.write(screen, b"\n")
        shown += _read_until(screen, "of model")
        assert hand.emulator.servo(6).get(reg.HOMING_OFFSET) == 3000 - 2047
        process.send_signal(signal.SIGINT)
        shown += _read_until(screen, "interrupted")
        assert process.wait(30) == 130
    finally:
        process.kill()
        process.wait()
        os.close(screen)
    assert "nothing is changed: the servos hold what they held before" in shown
    assert _mismatches(hand, OLD) == {}


def _read_until(screen: int, text: str, limit_s: float = 60.0) -> str:
    shown, end = "", time.monotonic() + limit_s
    while text not in shown:
        assert time.monotonic() < end, shown
        shown += os.read(screen, 4096).decode(errors="replace")
    return shown
