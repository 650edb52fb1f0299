import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import evdev
import numpy as np
import pytest
from tests.hardware.gamepad_files import (
    HAT_Y,
    LEFT_X,
    LEFT_Y,
    SOUTH,
    FifoPad,
    axis,
    button,
    describe,
    event,
)

from so_arm.core.errors import UserError
from so_arm.core.jog import CARTESIAN_SPEED
from so_arm.core.pad_jog import AXES, BUTTONS, TAKE_OVER, PadState, jog_of
from so_arm.hardware import gamepad_devices
from so_arm.hardware.gamepad import Gamepad
from so_arm.hardware.gamepad_devices import open_gamepad
from so_arm.hardware.gamepad_events import ABS, AXIS_CODES, BUTTON_CODES, KEY, SYN, SYN_DROPPED, AxisRange, PadEvents

RANGES = {LEFT_X: AxisRange(0, 255), LEFT_Y: AxisRange(0, 255), HAT_Y: AxisRange(-1, 1)}


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


@pytest.fixture
def pad(tmp_path: Path) -> Iterator[FifoPad]:
    pad = FifoPad(tmp_path)
    yield pad
    pad.pull_out()


def test_events_in_pieces_become_a_state() -> None:
    events = PadEvents(RANGES)
    data = axis(LEFT_X, 255) + axis(LEFT_Y, 0) + axis(HAT_Y, -1) + button(SOUTH, True) + axis(0x2A, 7)
    for at in range(0, len(data), 7):
        events.feed(data[at : at + 7])
    assert events.state == PadState({"left_x": 1.0, "left_y": -1.0, "hat_y": -1.0}, frozenset({"south"}))
    events.feed(button(SOUTH, False) + axis(LEFT_X, 99_999))
    assert events.state.axes["left_x"] == 1.0 and not events.state.pressed


def test_lost_events_are_noticed_and_the_state_is_read_anew() -> None:
    events = PadEvents(RANGES)
    events.feed(axis(LEFT_X, 255) + event(SYN, SYN_DROPPED, 0))
    assert events.lost
    events.set({}, (SOUTH,))
    assert not events.lost and events.state.axes["left_x"] == 0.0 and events.state.pressed == {"south"}


def test_names_agree_and_an_axis_without_a_way_is_in_its_middle() -> None:
    assert set(AXIS_CODES.values()) == set(AXES) and set(BUTTON_CODES.values()) == set(BUTTONS)
    assert TAKE_OVER in BUTTONS
    assert AxisRange(5, 5).normalised(5) == 0.0


def test_sticks_move_the_hand_and_the_dead_zone_does_not() -> None:
    still = jog_of(PadState({"left_x": 0.1, "left_y": -0.1, "right_y": float("nan")}, frozenset()), 0.15, 1.0)
    assert not still.velocity.any()
    pushed = PadState({"left_x": 1.0, "left_y": -1.0, "right_y": -0.575, "hat_y": 1.0}, frozenset({"south"}))
    velocity = jog_of(pushed, 0.15, 0.5).velocity / np.array(CARTESIAN_SPEED)
    assert velocity == pytest.approx([0.5, -0.5, 0.25, -0.5, 0.0, -0.5])


def test_pulled_out_in_mid_motion_it_has_no_state_until_it_is_back(pad: FifoPad) -> None:
    gamepad = Gamepad(str(pad.path))
    try:
        pad.send(axis(LEFT_X, 255))
        until(lambda: gamepad.state is not None and gamepad.state.axes["left_x"] == 1.0, "the push")
        pad.pull_out()
        until(lambda: gamepad.state is None, "the pull")
        assert gamepad.problem == "gamepad Test pad is gone (nobody writes into it)"
        pad.plug_in()
        until(lambda: gamepad.state is not None, "the return")
        assert gamepad.state is not None and gamepad.state.axes["left_x"] == 0.0, "the old push is forgotten"
        assert gamepad.problem == ""
    finally:
        gamepad.close()


def test_a_recording_plays_once_at_its_pace(tmp_path: Path) -> None:
    path = describe(tmp_path / "recorded")
    path.write_bytes(axis(LEFT_X, 255, 100.0) + axis(LEFT_X, 128, 100.3))
    gamepad, seen, began_s = Gamepad(str(path)), [], time.monotonic()
    try:
        until(lambda: seen.append(gamepad.state) or gamepad.problem, "its end")
        assert time.monotonic() - began_s >= 0.25
        assert gamepad.problem == "gamepad Test pad is gone (the recording is over)"
        assert any(state is not None and state.axes["left_x"] == 1.0 for state in seen)
        assert gamepad.state is None
    finally:
        gamepad.close()


def test_what_cannot_be_a_gamepad_is_refused_with_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gamepad_devices, "INPUT", tmp_path / "none")
    listed = "input devices here: none that may be read"
    with pytest.raises(UserError, match=f"no gamepad; {listed}"):
        open_gamepad("")
    with pytest.raises(UserError, match=f"gamepad /dev/input/event99 does not exist; {listed}"):
        open_gamepad("/dev/input/event99")
    with pytest.raises(UserError, match=f"gamepad {tmp_path} cannot be used .*; {listed}"):
        open_gamepad(str(tmp_path))
    broken = tmp_path / "broken"
    broken.write_bytes(b"12345")
    with pytest.raises(UserError, match=r"broken.json with its name and axes is not beside it"):
        open_gamepad(str(broken))
    with pytest.raises(UserError, match="its 5 bytes are not whole events"):
        open_gamepad(str(describe(broken)))
    with pytest.raises(UserError, match=r"broken.json: expected"):
        open_gamepad(str(describe(broken, {"0": [1]})))


class DeviceOfKernel(evdev.InputDevice):
    """evdev's own code over a pipe, with the kernel's answers to its questions."""

    contents: ClassVar[dict[str, tuple[str, dict[int, list[object]], int]]] = {}

    def __init__(self, dev: Path, readonly: bool = False) -> None:
        self.path = str(dev)
        self.name, self._rawcapabilities, fd = self.contents[dev.name]
        self.fd = os.dup(fd)

    def absinfo(self, axis_num: int) -> evdev.AbsInfo:
        return evdev.AbsInfo(200, 0, 255, 0, 0, 0)

    def active_keys(self, verbose: bool = False) -> list[int]:
        return [SOUTH]


def test_the_gamepad_among_the_input_devices_is_found_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    readable, writable = os.pipe()
    axes = [(code, (0, 0, 255, 0, 15, 0)) for code in (LEFT_X, LEFT_Y)]
    DeviceOfKernel.contents = {
        "event2": ("Keyboard", {KEY: [30, 31]}, readable),
        "event10": ("Wheel", {KEY: [SOUTH], ABS: [axes[0]]}, readable),
        "event11": ("Pad", {KEY: [SOUTH], ABS: axes}, readable),
    }
    for name in DeviceOfKernel.contents:
        (tmp_path / name).symlink_to("/dev/null")
    monkeypatch.setattr(evdev, "InputDevice", DeviceOfKernel)
    monkeypatch.setattr(gamepad_devices, "INPUT", tmp_path)
    device = open_gamepad("")
    assert device.name == "Pad" and device.ranges == {0: AxisRange(0, 255), 1: AxisRange(0, 255)}
    assert device.now() == ({0: 200, 1: 200}, (SOUTH,)), "as it is now, not as it was when it was opened"
    assert device.read(0.0) == b""
    os.write(writable, axis(LEFT_X, 7))
    assert device.read(1.0) == axis(LEFT_X, 7)
    device.close()
    listed = rf"{tmp_path}/event2 \(Keyboard\), {tmp_path}/event10 \(Wheel\), {tmp_path}/event11 \(Pad, a gamepad\)"
    with pytest.raises(UserError, match=rf"event2 \(Keyboard\) is no gamepad: it has no sticks; .*{listed}"):
        open_gamepad(str(tmp_path / "event2"))
    os.close(readable)
    os.close(writable)
