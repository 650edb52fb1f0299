from __future__ import annotations

import pytest

from so_arm.core.jog import KEYS as JOG_KEYS
from so_arm.core.operator_keys import HELP, KEYS, REPEAT_S, SERVICES, TAKE_OVER, HeldKeys, KeyReader
from so_arm.core.operator_view import OperatorView, key_table


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        (b"rsd", ["r", "s", "d"]),
        (b"\x1b[A\x1bOB", ["up", "down"]),
        (b" \r\t\x7f+1", ["space", "enter", "tab", "backspace", "+", "1"]),
        ("é".encode(), ["é"]),
        (b"\x1b[200~r\x1b[1;5C", ["r"]),
        (b"\x00\x01r", ["r"]),
        (b"\xff\xfer", ["r"]),
    ],
)
def test_keys_by_name(data: bytes, keys: list[str]):
    assert KeyReader().feed(data) == keys
    bytewise = KeyReader()
    assert [key for byte in data for key in bytewise.feed(bytes([byte]))] == keys


def test_an_escape_alone_is_a_key_once_nothing_follows():
    reader = KeyReader()
    assert reader.feed(b"\x1b") == []
    assert reader.feed(b"") == ["escape"]
    assert reader.feed(b"\x1b") == []
    assert reader.feed(b"[D") == ["left"]


def test_a_key_that_is_held_is_one_press():
    held = HeldKeys()
    assert held.pressed("r", 0.0)
    assert not any(held.pressed("r", 0.5 + 0.03 * i) for i in range(100)), "a second r within a moment"
    assert held.pressed("s", 1.0)
    assert held.pressed("r", 0.5 + 0.03 * 99 + REPEAT_S + 0.01)


def test_every_key_does_one_thing():
    assert set(SERVICES) | {TAKE_OVER, HELP} == set(KEYS)
    assert not set(KEYS) & set(JOG_KEYS)
    table = key_table(JOG_KEYS)
    assert all(what in table for what in (*KEYS.values(), *JOG_KEYS.values()))
    assert "moving the arm" not in key_table({})


def test_the_line_says_what_counts():
    view = OperatorView(phase="running", episode=2, episodes=3, saved=1, since_s=4.4, source="teleop", in_control=True)
    assert view.line() == "episode 2 of 3: RECORDING 4 s | teleop in control"
    view = OperatorView(phase="ready", episodes=3, source="policy", holding=True)
    view.problems["motor_driver"] = "no power"
    assert view.line() == "0 of 3 saved: ready, r records the next | policy: holding | ! motor_driver: no power"
    view = OperatorView(phase="homing", episodes=3, saved=1, note="the arm goes home", automatic=True, left_s=41.6)
    assert view.line() == "1 of 3 saved: homing, the arm goes home, about 42 s left"
    assert OperatorView().line() == "waiting for recording_session"
