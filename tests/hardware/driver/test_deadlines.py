"""The beat of the bus thread and its patience with late answers."""

from __future__ import annotations

import pytest

from so_arm.hardware.driver.deadlines import Deadlines
from so_arm.hardware.driver.patience import AnswerPatience


class FakeClock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds + 0.0002  # sleeping ends a little late


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def test_late_wakings_do_not_add_up(clock: FakeClock) -> None:
    beat = Deadlines(0.01, clock, clock.sleep)
    starts = []
    for _ in range(1000):
        beat.wait()
        starts.append(clock.now_s)
        clock.now_s += 0.004
    assert beat.missed == 0
    assert starts[-1] - 100.0 == pytest.approx(9.99, abs=0.001)


def test_a_cycle_that_overruns_makes_the_next_one_late_and_none_is_caught_up(clock: FakeClock) -> None:
    beat = Deadlines(0.01, clock, clock.sleep)
    beat.wait()
    clock.now_s += 0.012
    beat.wait()
    assert beat.missed == 1
    assert beat.left_s == pytest.approx(0.008)
    clock.now_s += 0.0555
    starts = []
    for _ in range(3):
        beat.wait()
        starts.append(clock.now_s - 100.0)
        clock.now_s += 0.001
    assert starts == pytest.approx([0.0675, 0.07, 0.08], abs=0.0005)
    assert beat.missed == 1 + 5


def test_time_between_two_connections_is_not_missed(clock: FakeClock) -> None:
    beat = Deadlines(0.01, clock, clock.sleep)
    clock.now_s += 5.0
    beat.restart()
    beat.wait()
    assert beat.missed == 0


def test_patience_grows_with_late_answers_and_shrinks_without() -> None:
    patience = AnswerPatience(0.002, 0.006)
    late = 0
    for _ in range(100):
        late += 1
        margin_s = patience.cycle(late)
    assert margin_s == 0.006
    for _ in range(200):
        margin_s = patience.cycle(late)
    assert margin_s == 0.002
    assert patience.cycle(late + 6) == 0.002
    for _ in range(100):
        assert patience.cycle(late + 12) == 0.002, "one bad moment changes nothing"
