import itertools
import random

from so_arm.core.clock import CONTROL_HZ, tick_stamp_ns
from so_arm.core.pacing import TickPacer

PERIOD_NS = 1_000_000_000 // CONTROL_HZ
MS = 1_000_000


def _picked(stamps: list[int]) -> list[int]:
    pacer = TickPacer(PERIOD_NS)
    return [stamp for stamp in stamps if pacer.picks(stamp)]


def test_a_source_at_the_control_rate_loses_no_state() -> None:
    stamps = [tick_stamp_ns(tick) for tick in range(400)]

    assert _picked(stamps) == stamps


def test_a_jittering_source_at_the_control_rate_loses_no_state() -> None:
    chance = random.Random(0)
    stamps = [tick_stamp_ns(tick) + chance.randrange(0, 12 * MS) for tick in range(1000)]

    assert _picked(stamps) == stamps


def test_a_fast_source_is_answered_at_the_control_rate() -> None:
    for hz in (50, 100, 200, 500):
        picked = _picked([round(k * 1e9 / hz) for k in range(10 * hz)])

        assert abs(len(picked) - 10 * CONTROL_HZ) <= 1
        assert all(b - a >= PERIOD_NS // 2 for a, b in itertools.pairwise(picked))


def test_states_after_a_pause_are_not_made_up_for() -> None:
    before = [k * 10 * MS for k in range(100)]
    after = [5_000 * MS + k * 10 * MS for k in range(100)]

    picked = _picked(before + after)

    assert 29 <= len([stamp for stamp in picked if stamp >= 5_000 * MS]) <= 31


def test_a_phase_shift_of_a_slow_source_loses_no_state() -> None:
    stamps = [tick_stamp_ns(tick) for tick in range(50)]
    shifted = [tick_stamp_ns(tick) + 25 * MS for tick in range(50, 100)]

    assert _picked(stamps + shifted) == stamps + shifted


def test_an_episode_starts_with_its_first_state() -> None:
    pacer = TickPacer(PERIOD_NS)
    assert pacer.picks(0)
    assert not pacer.picks(10 * MS)

    pacer.reset()

    assert pacer.picks(11 * MS)
