"""The resampling rule, case by case."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping

import pytest

from so_arm.core.clock import tick_stamp_ns
from so_arm.data.ingest.frame_grid import FrameGrid, GridRow
from so_arm.data.ingest.holes import explain
from so_arm.data.ingest.stream_samples import StreamRule

MS = 1_000_000
START = 7_000 * MS
STATE, COMMAND, CAMERA, REWARD = "state", "command", "camera", "reward"
RULES = {COMMAND: StreamRule(50 * MS), STATE: StreamRule(50 * MS), CAMERA: StreamRule(100 * MS)}
Sample = tuple[str, int]


def _grid(rules: Mapping[str, StreamRule] = RULES, fps: int = 30) -> FrameGrid:
    return FrameGrid(START, fps, rules, COMMAND, 500 * MS)


def _fill(grid: FrameGrid, samples: Iterable[Sample]) -> list[GridRow]:
    """Values are the stamps themselves; rows in the order in which they were decided."""
    rows: list[GridRow] = []
    for stream, stamp in samples:
        grid.add(stream, stamp, stamp)
        rows += grid.decide()
    return rows


def _ticks(stream: str, ticks: Iterable[float], fps: int = 30) -> list[Sample]:
    return [(stream, START + round(tick * 1e9 / fps)) for tick in ticks]


def _by_stamp(*streams: list[Sample]) -> list[Sample]:
    return sorted((sample for stream in streams for sample in stream), key=lambda sample: sample[1])


def _finish(grid: FrameGrid, end_tick: float | None = None) -> list[GridRow]:
    if end_tick is not None:
        grid.end(START + round(end_tick * 1e9 / 30))
    grid.settle()
    rows = list(grid.decide())
    assert grid.done
    return rows


def test_samples_on_the_grid_are_taken_as_they_are():
    grid = _grid()
    samples = _by_stamp(_ticks(STATE, range(301)), _ticks(CAMERA, range(301)), _ticks(COMMAND, range(300)))
    rows = _fill(grid, samples) + _finish(grid, 300)
    assert [row.tick for row in rows] == list(range(300))
    assert [row.stamp_ns for row in rows] == [START + tick_stamp_ns(tick) for tick in range(300)]
    assert all(set(row.samples.values()) == {row.stamp_ns} for row in rows)
    assert grid.hole is None
    assert {name: (c.used, c.repeated, c.missing, c.late) for name, c in grid.counts.items()} == dict.fromkeys(
        RULES, (300, 0, 0, 0)
    )


def test_a_row_comes_as_soon_as_every_stream_is_there():
    grid = _grid()
    assert _fill(grid, [(STATE, START), (CAMERA, START)]) == []
    (row,) = _fill(grid, [(COMMAND, START)])
    assert (row.tick, row.stamp_ns) == (0, START)


def test_jitter_takes_the_nearest_and_of_two_the_earlier():
    grid = _grid()
    offsets = {STATE: [0, 4, -9, 12], CAMERA: [0, 0, 0, 0], COMMAND: [0, 0, 0, 0]}
    exact = {
        name: [(name, START + tick_stamp_ns(k) + ms * MS) for k, ms in enumerate(found)]
        for name, found in offsets.items()
    }
    twin = [(STATE, START + tick_stamp_ns(3) - 12 * MS)]  # as near as the one after
    rows = _fill(grid, _by_stamp(*exact.values(), twin)) + _finish(grid, 4)
    errors = [round((row.samples[STATE] - row.stamp_ns) / MS) for row in rows]
    assert errors == [0, 4, -9, -12]
    assert grid.counts[STATE].unused == 1


def test_a_camera_of_half_the_rate_is_used_twice_and_counted():
    grid = _grid()
    samples = _by_stamp(_ticks(STATE, range(61)), _ticks(COMMAND, range(60)), _ticks(CAMERA, range(0, 61, 2)))
    rows = _fill(grid, samples) + _finish(grid, 60)
    assert len(rows) == 60
    counts = grid.counts[CAMERA]
    assert counts.used + counts.repeated == 60
    assert counts.used + counts.unused == counts.received == 31
    assert 29 <= counts.repeated <= 30


def test_a_stream_of_a_higher_rate_gives_what_is_nearest():
    grid = _grid()
    fast = [(STATE, START + k * 10 * MS) for k in range(102)]
    rows = _fill(grid, _by_stamp(fast, _ticks(COMMAND, range(30)), _ticks(CAMERA, range(30)))) + _finish(grid, 30)
    assert len(rows) == 30
    assert all(abs(row.samples[STATE] - row.stamp_ns) <= 5 * MS for row in rows)
    assert grid.counts[STATE].used == 30
    assert grid.counts[STATE].unused == 72


def test_a_camera_too_slow_for_the_tolerance_cuts_and_is_named_with_its_rate():
    grid = _grid()
    samples = _by_stamp(_ticks(STATE, range(100)), _ticks(COMMAND, range(100)), _ticks(CAMERA, [0, 2, 4, 16, 28, 40]))
    rows = _fill(grid, samples)
    assert [row.tick for row in rows] == list(range(8)), "4 + 100 ms is tick 7"
    assert grid.hole is not None
    told = explain(grid, grid.hole, 30)
    assert told.startswith("camera has nothing within 0.1 s of 0.27 s (it delivers ")
    assert told.endswith("Hz); make it deliver 30 Hz, or record with a lower fps or a larger tolerance")
    assert _fill(grid, _ticks(CAMERA, range(100, 200))) == [], "nothing after a hole"


def test_an_interruption_of_a_stream_that_is_fast_enough_is_no_matter_of_its_rate():
    grid = _grid()
    interrupted = [tick for tick in range(100) if tick not in range(40, 45)]
    _fill(grid, _by_stamp(_ticks(STATE, range(100)), _ticks(COMMAND, interrupted), _ticks(CAMERA, range(100))))
    assert grid.hole is not None
    told = explain(grid, grid.hole, 30)
    assert told.startswith("command has nothing within 0.05 s of 1.37 s (it delivers ")
    assert told.endswith("Hz); the machine may have been too busy: fewer programs, smaller images")


def test_a_topic_that_stops_is_named():
    grid = _grid()
    samples = _by_stamp(_ticks(STATE, range(20)), _ticks(COMMAND, range(90)), _ticks(CAMERA, range(90)))
    rows = _fill(grid, samples)
    assert rows[-1].tick == 20, "one tick is within 50 ms of the last state"
    assert grid.hole is not None
    assert explain(grid, grid.hole, 30) == "state stopped at 0.63 s of the episode"
    assert grid.counts[STATE].missing == 1


def test_commands_that_stop_long_before_the_end_are_a_hole_and_shortly_before_are_not():
    for commands, cut in ((40, True), (58, False)):
        grid = _grid()
        samples = _by_stamp(_ticks(STATE, range(61)), _ticks(COMMAND, range(commands)), _ticks(CAMERA, range(61)))
        rows = _fill(grid, samples) + _finish(grid, 60)
        assert (grid.hole is not None) == cut
        assert len(rows) == commands + 1, "the next tick is within tolerance of the last command"


def test_rows_end_with_the_commands_when_no_end_was_told():
    grid = _grid()
    samples = _by_stamp(_ticks(STATE, range(31)), _ticks(COMMAND, range(30)), _ticks(CAMERA, range(31)))
    assert len(_fill(grid, samples) + _finish(grid)) == 30
    assert grid.hole is None


def test_rows_begin_with_the_first_tick_that_has_everything():
    grid = _grid()
    samples = _by_stamp(_ticks(STATE, range(31)), _ticks(COMMAND, range(12, 31)), _ticks(CAMERA, range(31)))
    rows = _fill(grid, samples) + _finish(grid, 31)
    assert rows[0].tick == grid.lead == 11
    assert grid.hole is None


def test_an_episode_without_commands_has_no_row_and_says_so():
    grid = _grid()
    assert _fill(grid, _by_stamp(_ticks(STATE, range(200)), _ticks(CAMERA, range(200)))) == []
    assert grid.hole is not None
    assert explain(grid, grid.hole, 30) == "command delivered nothing in the first 2.00 s"


def test_samples_from_before_the_episode_are_not_taken():
    grid = _grid()
    before = [(STATE, START - MS), (COMMAND, START - MS), (CAMERA, START - MS)]
    rows = _fill(grid, before + [(name, START + 10 * MS) for name in RULES]) + _finish(grid, 1)
    assert [row.samples[STATE] for row in rows] == [START + 10 * MS]


@pytest.mark.parametrize(("jump_ms", "told"), [(3_000, "2.97"), (300, "0.27")])
def test_a_clock_that_jumps_back_cuts_and_is_named(jump_ms: int, told: str):
    grid = _grid()
    whole = _by_stamp(_ticks(STATE, range(20)), _ticks(COMMAND, range(90)), _ticks(CAMERA, range(90)))
    jumped = [(STATE, START + tick_stamp_ns(tick) - jump_ms * MS) for tick in range(20, 28)]
    rows = _fill(grid, [*whole[:60], *jumped, *whole[60:]])
    assert rows[-1].tick == 20
    assert grid.hole is not None
    assert explain(grid, grid.hole, 30) == f"the clock of state jumped back by {told} s before 0.70 s"
    counts = grid.counts[STATE]
    assert (counts.backwards, counts.late + counts.doubled) == (1, 8)


def test_a_clock_that_jumps_ahead_is_named():
    grid = _grid()
    samples = _by_stamp(_ticks(STATE, range(20)), _ticks(COMMAND, range(20)), _ticks(CAMERA, range(20)))
    rows = _fill(grid, [*samples, (CAMERA, START + 3_600_000 * MS)])
    assert rows[-1].tick == 20
    assert grid.hole is not None
    assert explain(grid, grid.hole, 30) == "the clock of camera jumped ahead by more than 2 s at 0.70 s"


def test_doubled_stamps_count_once_and_the_first_value_stays():
    """Lockstep publishes an observation again while its command is awaited."""
    grid = _grid()
    grid.add(STATE, START, "first")
    grid.add(STATE, START, "again")
    rows = _fill(grid, [(CAMERA, START), (CAMERA, START), (COMMAND, START)])
    rows += _fill(grid, [(STATE, START), *_by_stamp(*(_ticks(name, [1]) for name in RULES))])
    assert rows[0].samples[STATE] == "first"
    assert len(rows) == 2
    assert grid.counts[STATE].doubled == 2
    assert (grid.counts[STATE].late, grid.counts[CAMERA].doubled) == (0, 1)


def test_late_samples_within_patience_are_used_and_beyond_are_counted():
    tardy = _ticks(CAMERA, range(40))
    others = _by_stamp(_ticks(STATE, range(41)), _ticks(COMMAND, range(40)))
    delayed = sorted([*((s, t + 400 * MS) for s, t in tardy), *others], key=lambda sample: sample[1])
    grid = _grid()
    rows = _fill(grid, [(s, t - 400 * MS if s == CAMERA else t) for s, t in delayed]) + _finish(grid, 40)
    assert [row.samples[CAMERA] for row in rows] == [row.stamp_ns for row in rows], "400 ms late, and waited for"
    grid = _grid()
    delayed = sorted([*((s, t + 700 * MS) for s, t in tardy[10:]), *tardy[:10], *others], key=lambda sample: sample[1])
    rows = _fill(grid, [(s, t - 700 * MS if s == CAMERA and t >= START + 1000 * MS else t) for s, t in delayed])
    assert grid.hole is not None
    assert grid.hole.stream == CAMERA


def test_the_reward_of_a_row_is_the_one_of_the_next_tick_and_may_be_missing():
    period = 1_000_000_000 // 30
    rules = {**RULES, REWARD: StreamRule(period // 2, ahead_ns=period, required=False)}
    grid = _grid(rules)
    rewards = _ticks(REWARD, [k for k in range(1, 31) if k != 7])
    samples = _by_stamp(_ticks(STATE, range(31)), _ticks(CAMERA, range(31)), _ticks(COMMAND, range(30)), rewards)
    rows = _fill(grid, samples) + _finish(grid, 30)
    stamps = [START + tick_stamp_ns(k + 1) for k in range(30)]
    assert [row.samples[REWARD] for row in rows] == [None if k == 6 else stamp for k, stamp in enumerate(stamps)]
    assert grid.counts[REWARD].missing == 1
    assert len(rows) == 30


@pytest.mark.parametrize("seed", range(12))
def test_the_order_in_which_streams_arrive_does_not_change_the_rows(seed: int):
    """Any interleaving in which no stream is more than the patience behind gives the same rows and counts."""
    rng = random.Random(seed)
    fps = rng.choice([10, 15, 30, 50])
    length = 4.0
    periods = {STATE: rng.choice([0.01, 1 / 30]), COMMAND: 1 / 30, CAMERA: rng.choice([1 / 30, 1 / 15])}
    streams = {}
    for name, period in periods.items():
        times = [k * period + rng.uniform(-0.2, 0.2) * period for k in range(int(length / period))]
        streams[name] = [(name, START + round(time * 1e9)) for time in times if rng.random() > 0.02]
        if rng.random() < 0.5:
            streams[name].insert(5, streams[name][4])
    results = []
    for _ in range(4):
        delays = {name: rng.uniform(0, 0.4) for name in streams}
        arrivals = sorted(
            (stamp + delays[name] * 1e9, name, stamp) for name, found in streams.items() for _, stamp in found
        )
        grid = _grid(fps=fps)
        rows = _fill(grid, [(name, stamp) for _, name, stamp in arrivals])
        grid.end(START + int(length * 1e9))
        grid.settle()
        rows += grid.decide()
        results.append((rows, grid.counts, grid.hole, grid.lead))
    assert all(result[0] == results[0][0] and result[2:] == results[0][2:] for result in results)
    if results[0][2] is None:
        assert all(result[1] == results[0][1] for result in results)
    assert results[0][0], "there are rows"
