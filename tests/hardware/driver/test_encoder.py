"""Jumps of a position: which of them are forgotten, and which need a human."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from so_arm.hardware.driver.encoder import EncoderWatch

GOALS = [2000] * 6


def watched(positions: Iterable[int], goals: list[int | None] | None = None) -> EncoderWatch:
    """An encoder watch that has seen these positions of joint 1, in cycles of 10 ms."""
    watch = EncoderWatch()
    for cycle, position in enumerate(positions):
        watch.check([2000, position, 2000, 2000, 2000, 2000], 10.0 + 0.01 * cycle, goals or GOALS)
    return watch


@pytest.mark.parametrize("cycles", [1, 3, 20])
def test_a_jump_that_goes_back_at_once_is_forgotten(cycles: int) -> None:
    watch = watched([2000] * 10 + [2400] * cycles + [2000] * 10)
    assert watch.trusted and watch.jumps == 1


@pytest.mark.parametrize("ticks_per_cycle", [5, 34])
def test_a_joint_that_its_servo_drove_back_after_a_jump_has_slipped(ticks_per_cycle: int) -> None:
    """Its servo sees the jumped position too and corrects it: now the arm is elsewhere, although it reads right."""
    watch = watched([2000] * 10 + list(range(2400, 2000, -ticks_per_cycle)) + [2000] * 20)
    assert watch.slipped == {1}
    watch.accept()
    assert watch.trusted


def test_a_limp_joint_that_comes_back_slowly_has_not_slipped() -> None:
    assert watched([2000] * 10 + list(range(2400, 2000, -20)) + [2000] * 20, [None] * 6).trusted


def test_a_slip_that_stays_is_one() -> None:
    assert watched([2000] * 10 + [2400] * 60).slipped == {1}
