import math

import numpy as np
import pytest

from so_arm.core.chunk import AGGREGATE_FUNCTIONS, ActionChunk, ChunkTimeline
from so_arm.core.errors import UserError

PERIOD_NS = 33_333_333


def tick_ns(k: int, start_ns: int = 10**9) -> int:
    return start_ns + round(k * 1e9 / 30)


def chunk(stamp_ns: int, value: float = 0.0, n: int = 50) -> ActionChunk:
    """Step i commands ``value + i`` for every joint."""
    return ActionChunk(stamp_ns, PERIOD_NS, np.repeat(value + np.arange(n)[:, None], 6, axis=1))


def test_nan_in_a_chunk_is_refused_and_named() -> None:
    actions = np.zeros((3, 6))
    actions[1, 2] = math.nan
    with pytest.raises(UserError, match="step 1 of elbow_flex is nan"):
        ActionChunk(0, PERIOD_NS, actions)


def test_a_step_brings_the_rest_of_the_plan_and_the_features_of_its_chunk() -> None:
    timeline = ChunkTimeline(PERIOD_NS, actions_per_chunk=10)
    for start, seen in ((0, [1.0, 2.0]), (4, [3.0, 4.0])):
        actions = np.repeat(start + np.arange(20.0)[:, None], 6, axis=1)
        assert timeline.add(ActionChunk(tick_ns(start), PERIOD_NS, actions, np.array(seen)))
    step = timeline.at(tick_ns(7))
    assert step is not None and step.features.dtype == np.float32
    assert (step.plan[:, 0].tolist(), step.features.tolist()) == ([7, 8, 9, 10, 11, 12, 13], [3.0, 4.0])
    for values in (step.plan, step.features):
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 1.0
    timeline.add(chunk(tick_ns(8)))
    step = timeline.at(tick_ns(8))
    assert step is not None and step.features.shape == (0,)


@pytest.mark.parametrize("features", [np.zeros((2, 2)), np.array([0.0, math.nan])])
def test_features_that_are_no_row_of_numbers_are_refused(features: np.ndarray) -> None:
    with pytest.raises(UserError, match=r"features of shape .* finite numbers"):
        ActionChunk(0, PERIOD_NS, np.zeros((2, 6)), features)


@pytest.mark.parametrize("shape", [(6,), (0, 6), (4, 5), (4, 7)])
def test_wrong_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UserError, match="expected"):
        ActionChunk(0, PERIOD_NS, np.zeros(shape))


def test_a_chunk_is_a_read_only_copy() -> None:
    actions = np.zeros((2, 6))
    frozen = ActionChunk(0, PERIOD_NS, actions)
    actions[0, 0] = 1.0
    assert frozen.actions[0, 0] == 0.0
    with pytest.raises(ValueError, match="read-only"):
        frozen.actions[0, 0] = 1.0


def test_every_tick_maps_to_its_step_over_a_long_episode() -> None:
    for start in (0, 40, 399, 100_000):
        timeline = ChunkTimeline(PERIOD_NS)
        timeline.add(chunk(tick_ns(start)))
        for i in range(50):
            step = timeline.at(tick_ns(start + i))
            assert step is not None
            assert (step.step, step.position[0], step.chunk_stamp_ns) == (i, i, tick_ns(start))
        assert timeline.at(tick_ns(start + 50)) is None
        assert timeline.at(tick_ns(start - 1)) is None


def test_lockstep_replans_after_twenty_steps() -> None:
    timeline = ChunkTimeline(PERIOD_NS, actions_per_chunk=50, chunk_size_threshold=0.6)
    due = []
    for k in range(100):
        if timeline.due(tick_ns(k)):
            assert not timeline.has_chunk(tick_ns(k))
            due.append(k)
            timeline.add(chunk(tick_ns(k), value=1000 * k))
            assert timeline.has_chunk(tick_ns(k))
            assert not timeline.due(tick_ns(k))
        step = timeline.at(tick_ns(k))
        assert step is not None
        assert step.position[0] == 1000 * (k // 20 * 20) + k % 20
    assert due == [0, 20, 40, 60, 80]


def test_the_old_chunk_serves_until_a_late_one_arrives_and_past_steps_are_skipped() -> None:
    timeline = ChunkTimeline(PERIOD_NS)
    timeline.add(chunk(tick_ns(0)))
    step = timeline.at(tick_ns(23))
    assert step is not None and step.step == 23
    timeline.add(chunk(tick_ns(20), value=500))
    step = timeline.at(tick_ns(24))
    assert step is not None and step.position[0] == 504


def test_out_of_order_and_repeated_chunks_are_dropped() -> None:
    timeline = ChunkTimeline(PERIOD_NS)
    assert timeline.add(chunk(tick_ns(20), value=500))
    assert not timeline.add(chunk(tick_ns(0)))
    assert not timeline.add(chunk(tick_ns(20)))
    step = timeline.at(tick_ns(20))
    assert step is not None and step.position[0] == 500


@pytest.mark.parametrize("name", sorted(AGGREGATE_FUNCTIONS))
def test_overlap_is_aggregated_and_the_rest_is_new(name: str) -> None:
    timeline = ChunkTimeline(PERIOD_NS, actions_per_chunk=10, aggregate_fn_name=name)
    timeline.add(chunk(tick_ns(0), value=0, n=10))
    timeline.add(chunk(tick_ns(4), value=100, n=10))
    weight = {"latest_only": 1.0, "weighted_average": 0.7, "average": 0.5, "conservative": 0.3}[name]
    for k in range(4, 14):
        step = timeline.at(tick_ns(k))
        new, old = 100 + (k - 4), k
        assert step is not None
        assert step.position[0] == pytest.approx(weight * new + (1 - weight) * old if k < 10 else new)


def test_aggregate_functions_are_those_of_lerobot() -> None:
    old, new = np.array([1.0]), np.array([2.0])
    expected = {"weighted_average": 1.7, "latest_only": 2.0, "average": 1.5, "conservative": 1.3}
    assert {name: float(f(old, new)[0]) for name, f in AGGREGATE_FUNCTIONS.items()} == pytest.approx(expected)


def test_actions_per_chunk_cuts_and_a_shorter_chunk_keeps_the_share() -> None:
    timeline = ChunkTimeline(PERIOD_NS, actions_per_chunk=8, chunk_size_threshold=0.0)
    timeline.add(chunk(tick_ns(0)))
    assert timeline.at(tick_ns(8)) is None
    assert [k for k in range(10) if timeline.due(tick_ns(k))] == [8, 9]

    timeline = ChunkTimeline(PERIOD_NS, actions_per_chunk=50, chunk_size_threshold=0.5)
    timeline.add(chunk(tick_ns(0), n=20))
    assert min(k for k in range(20) if timeline.due(tick_ns(k))) == 10


def test_reset_forgets() -> None:
    timeline = ChunkTimeline(PERIOD_NS)
    timeline.add(chunk(tick_ns(100)))
    timeline.reset()
    assert timeline.due(tick_ns(100)) and timeline.at(tick_ns(100)) is None
    assert timeline.add(chunk(tick_ns(0)))


def test_settings_out_of_range_name_the_choices() -> None:
    with pytest.raises(UserError, match="choose one of: average, conservative, latest_only, weighted_average"):
        ChunkTimeline(PERIOD_NS, aggregate_fn_name="newest")
    with pytest.raises(UserError, match=r"chunk_size_threshold is nan, expected 0.0 to 1.0"):
        ChunkTimeline(PERIOD_NS, chunk_size_threshold=math.nan)
    with pytest.raises(UserError, match="actions_per_chunk is 0"):
        ChunkTimeline(PERIOD_NS, actions_per_chunk=0)
    with pytest.raises(UserError, match="does not match the control period"):
        ChunkTimeline(PERIOD_NS).add(ActionChunk(0, 20_000_000, np.zeros((2, 6))))
