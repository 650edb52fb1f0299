import time

import pytest

from so_arm.core.clock import date_ns, date_of, tick_stamp_ns


def test_stamps_are_on_the_30_hz_grid():
    assert [tick_stamp_ns(tick) for tick in (0, 1, 3, 30)] == [0, 33_333_333, 100_000_000, 1_000_000_000]


def test_the_date_of_stamps_is_right_and_does_not_follow_a_date_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert abs(date_ns() - time.time_ns()) < 100_000_000

    before = date_ns()
    monkeypatch.setattr(time, "time_ns", lambda: 0)

    assert 0 <= date_ns() - before < 1_000_000_000
    assert date_of(time.monotonic_ns()) - before < 1_000_000_000
