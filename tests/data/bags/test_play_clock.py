from __future__ import annotations

import threading

import pytest

from so_arm.data.bags.play_clock import PlayClock


class _Wall:
    now_ns = 10**12

    def __call__(self) -> int:
        return self.now_ns


def test_bag_time_runs_at_its_rate_stands_still_and_jumps():
    wall = _Wall()
    clock = PlayClock(500, 2.0, wall)
    wall.now_ns += 100
    assert clock.now_ns() == 500  # not begun yet
    clock.run(True)
    wall.now_ns += 100
    assert clock.now_ns() == 700
    clock.run(False)
    wall.now_ns += 1000
    assert clock.now_ns() == 700
    clock.run(True)
    wall.now_ns += 10
    assert clock.now_ns() == 720
    clock.jump(500)
    assert clock.now_ns() == 500


@pytest.mark.parametrize("due_ns", [0, 1_000_000])
def test_what_is_due_is_not_waited_for_longer_than_needed(due_ns):
    clock = PlayClock(0)
    clock.run(True)
    assert clock.wait_until(due_ns, lambda: False)
    assert clock.now_ns() >= due_ns


def test_waiting_ends_with_the_program_also_while_paused():
    clock, ended = PlayClock(0), threading.Event()
    waiting = threading.Thread(target=lambda: clock.wait_until(0, ended.is_set))
    waiting.start()
    ended.set()
    waiting.join(10)
    assert not waiting.is_alive()
