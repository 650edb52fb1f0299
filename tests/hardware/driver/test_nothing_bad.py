"""The checks themselves: they see what they are there for."""

from __future__ import annotations

import numpy as np
import pytest
from tests.hardware.driver.emulated_arm import SCALE, Goals, Positions, Record
from tests.hardware.driver.nothing_bad import Seen, check_goals, check_states

PERIOD_S = 0.01
MS = 1_000_000


def moving(k: int) -> tuple[int, ...]:
    """Ticks of six joints that turn at 1000 ticks/s, in step k of 2 ms."""
    return tuple(1600 + 2 * k for _ in range(6))


def a_record(goals: list[int]) -> Record:
    """Goals of servo 2, one per period, of an arm that turns from 1600 on."""
    sent = [Goals(10 * MS * k, {2: goal}) for k, goal in enumerate(goals)]
    return Record(sent, [Positions(2 * MS * k, moving(k)) for k in range(200)])


def a_state(stamp_k: int, arrived_k: int, shown_k: int) -> Seen:
    return Seen(2 * MS * arrived_k - 1, 2 * MS * stamp_k - 1, SCALE.rad_from_ticks(moving(shown_k)))


def test_goals_that_go_on_step_by_step_or_start_where_the_arm_is_are_fine() -> None:
    assert check_goals(a_record([1600, 1610, 1640, 1630]), PERIOD_S) == pytest.approx(30 * 2 * np.pi / 4095)
    check_goals(a_record([1600, 1631, 1662, 1693, 1724, 1755, 1650]), PERIOD_S)


@pytest.mark.parametrize("goals", [[1700], [1600, 1650], [1600, 1560], [907, 906]])
def test_jumps_and_goals_outside_are_seen(goals: list[int]) -> None:
    with pytest.raises(AssertionError):
        check_goals(a_record(goals), PERIOD_S)


def test_states_of_their_time_are_fine() -> None:
    states = [a_state(k, k + 3, k + 1) for k in range(10, 100, 5)]
    assert check_states(a_record([]), states) == pytest.approx(0.006)


@pytest.mark.parametrize("shown_k", [15, 30])
def test_old_or_made_up_positions_are_seen(shown_k: int) -> None:
    with pytest.raises(AssertionError, match="at no time since its stamp"):
        check_states(a_record([]), [a_state(20, 24, shown_k)])


def test_the_same_stamp_twice_is_seen() -> None:
    with pytest.raises(AssertionError, match="stamps"):
        check_states(a_record([]), [a_state(20, 24, 22), a_state(20, 26, 22)])
