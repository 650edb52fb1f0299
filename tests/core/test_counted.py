"""Singular and plural."""

from __future__ import annotations

from so_arm.core.counted import counted


def test_one_is_one():
    assert [counted(count, "episode") for count in (0, 1, 2)] == ["0 episodes", "1 episode", "2 episodes"]
    assert (counted(1, "success", "successes"), counted(3, "success", "successes")) == ("1 success", "3 successes")
