from __future__ import annotations

import pytest

from so_arm.core.take_over_button import TakeOverButton


@pytest.mark.parametrize(
    ("seen", "asked"),
    [
        # held, whether teleop is in control
        ([(False, False), (True, False), (True, True), (False, True)], [None, True, None, False]),
        # it was in control all along
        ([(False, True), (True, True), (False, True)], [None, None, None]),
        # held when it was plugged in
        ([(True, False), (True, False), (False, False), (True, False)], [None, None, None, True]),
        # pulled out while it was held, and let go: the next press is nothing new, the next letting go hands back
        ([(False, False), (True, False), (None, True), (False, True)], [None, True, None, None]),
        ([(False, False), (True, False), (None, True), (True, True), (False, True)], [None, True, None, None, False]),
    ],
)
def test_what_is_asked_of_the_mux(seen: list[tuple[bool | None, bool]], asked: list[bool | None]):
    button = TakeOverButton()
    assert [button.step(*each) for each in seen] == asked
