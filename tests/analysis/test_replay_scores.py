"""Scores of answers whose errors, jumps and jerks are known."""

from __future__ import annotations

import numpy as np
import pytest

from so_arm.analysis.replay_scores import ALL, score
from so_arm.core.joints import JOINT_NAMES
from so_arm.core.predictions import Predictions
from so_arm.data.recordings.recording import RecordedFrames

FPS, TICKS, STEPS = 30.0, 40, 20
JOINT = "elbow_flex"
COLUMN = JOINT_NAMES.index(JOINT)


def frames(action: np.ndarray | None = None) -> RecordedFrames:
    action = np.zeros((TICKS, 6)) if action is None else action
    stamps = np.rint(np.arange(len(action)) * 1e9 / FPS).astype(np.int64)
    return RecordedFrames("episode", stamps, action, action, (), lambda camera, tick: np.empty(0))


def predictions(chunks: list[tuple[int, np.ndarray]], residual: np.ndarray | None = None, **more) -> Predictions:
    """Each chunk is executed until the next one."""
    base = np.full((TICKS, 6), np.nan)
    for tick, steps in chunks:
        base[tick : tick + len(steps)] = steps[: TICKS - tick]
    residual = np.where(np.isnan(base), np.nan, 0.0) if residual is None else residual
    return Predictions(chunks, base, residual, base + residual, **({"fresh": np.ones(TICKS, bool)} | more))


def rising(degrees_per_step: float) -> np.ndarray:
    """A chunk (STEPS, 6) whose elbow is wrong by that much more with every step ahead."""
    chunk = np.zeros((STEPS, 6))
    chunk[:, COLUMN] = np.radians(degrees_per_step * np.arange(STEPS))
    return chunk


def test_error_by_step_ahead():
    scores = score(frames(), predictions([(0, rising(1.0)), (20, rising(-3.0))]), FPS)
    by_step = scores["error_by_step"]
    assert by_step["count"] == [2] * STEPS
    assert by_step["mae_deg"][JOINT] == pytest.approx([2.0 * step for step in range(STEPS)])
    assert by_step["rmse_deg"][JOINT] == pytest.approx([np.sqrt(5.0) * step for step in range(STEPS)])
    assert by_step["mae_deg"]["gripper"] == [0.0] * STEPS
    assert by_step["mae_deg"][ALL] == pytest.approx([2.0 * step / 6 for step in range(STEPS)])
    assert scores["chunk_error"]["mae_deg"][JOINT] == pytest.approx(19.0)
    assert scores["chunk_error"]["rmse_deg"][ALL] == pytest.approx(np.sqrt(5 * np.mean(np.arange(20) ** 2) / 6))


def test_each_step_is_compared_with_the_action_of_its_own_tick():
    recorded = np.radians(np.arange(TICKS)[:, None] * np.linspace(1.0, 6.0, 6))
    known = [(tick, recorded[tick : tick + STEPS]) for tick in (0, 7, 25)]
    scores = score(frames(recorded), predictions(known), FPS)
    assert np.ravel(list(scores["error_by_step"]["mae_deg"].values())) == pytest.approx(0.0, abs=1e-9)
    assert scores["executed_error"]["mae_deg"][ALL] == pytest.approx(0.0, abs=1e-9)
    late = [(tick, recorded[tick - 1 : tick - 1 + STEPS]) for tick in (1, 8, 20)]
    scores = score(frames(recorded), predictions(late), FPS)
    for joint, per_step in zip(JOINT_NAMES, range(1, 7), strict=True):
        assert scores["error_by_step"]["mae_deg"][joint] == pytest.approx([per_step] * STEPS)


def test_steps_beyond_the_end_of_the_episode_do_not_count():
    by_step = score(frames(), predictions([(0, rising(1.0)), (30, rising(1.0))]), FPS)["error_by_step"]
    assert by_step["count"] == [2] * 10 + [1] * 10


def test_executed_steps_are_compared_with_the_residual_in_them():
    residual = np.zeros((TICKS, 6))
    residual[:, COLUMN] = np.radians(0.5)
    chunks = [(tick, np.zeros((STEPS, 6))) for tick in (0, 20)]
    scores = score(frames(), predictions(chunks, residual), FPS, np.full(6, np.radians(2.0)))
    assert scores["executed_error"]["mae_deg"][JOINT] == pytest.approx(0.5)
    assert scores["chunk_error"]["mae_deg"][JOINT] == 0.0
    assert scores["residual"]["mean_abs_deg"][JOINT] == pytest.approx(0.5)
    assert scores["residual"]["saturated_share"][JOINT] == 0.0


def test_saturation_is_the_share_of_ticks_at_the_bound():
    residual, bound = np.zeros((TICKS, 6)), np.full(6, 0.02)
    residual[:10, COLUMN] = -0.02 * 0.995
    bound[0] = 0.0  # a joint that may not be corrected is not at its bound
    chunks = [(tick, np.zeros((STEPS, 6))) for tick in (0, 20)]
    share = score(frames(), predictions(chunks, residual), FPS, bound)["residual"]["saturated_share"]
    assert share == pytest.approx({name: 0.25 if name == JOINT else 0.0 for name in JOINT_NAMES} | {ALL: 0.25 / 6})


def test_jumps_where_chunks_join():
    chunks = [(0, rising(0.1)), (20, rising(0.1)), (30, rising(0.1))]
    jumps = score(frames(), predictions(chunks), FPS)["jumps"]
    assert jumps["joins"] == 2
    assert jumps["at_joins_mean_deg"][JOINT] == pytest.approx((1.9 + 0.9) / 2)
    assert jumps["at_joins_max_deg"][JOINT] == pytest.approx(1.9)
    assert jumps["elsewhere_mean_deg"][JOINT] == pytest.approx(0.1)


def test_jerk_of_a_cubic_and_of_a_join():
    ticks = np.arange(TICKS)[:, None]
    cubic = np.radians(1e-4 * ticks**3 * np.ones(6))
    smooth = predictions([(0, cubic[:20]), (20, cubic[20:])])
    jerk = score(frames(cubic), smooth, FPS)["jerk"]
    assert jerk["recorded_deg_s3"][JOINT] == pytest.approx(6e-4 * FPS**3, rel=1e-6)
    assert jerk["predicted_at_joins_deg_s3"][JOINT] == pytest.approx(6e-4 * FPS**3, rel=1e-6)
    step = predictions([(0, np.zeros((20, 6))), (20, np.full((20, 6), np.radians(1.0)))])
    jerk = score(frames(), step, FPS)["jerk"]
    assert jerk["predicted_at_joins_deg_s3"][JOINT] == pytest.approx(np.sqrt((1 + 4 + 1) / 3) * FPS**3)
    assert jerk["predicted_deg_s3"][JOINT] == pytest.approx(np.sqrt(6 / (TICKS - 3)) * FPS**3)


def test_late_chunks_join_later():
    late = predictions([(0, rising(0.0)), (20, rising(1.0))], delay=2)
    assert score(frames(), late, FPS)["jumps"]["at_joins_mean_deg"][JOINT] == pytest.approx(1.0)


def test_ticks_without_chunks():
    fresh = np.ones(TICKS, bool)
    fresh[:4] = False
    scores = score(frames(), predictions([(10, rising(0.0))], fresh=fresh), FPS)
    assert scores["without_fresh_chunk_share"] == 0.1
    assert scores["without_chunk_share"] == 0.5
    assert np.isnan(scores["jumps"]["at_joins_mean_deg"][ALL])


def test_an_episode_of_one_tick():
    one = Predictions([(0, rising(1.0))], np.zeros((1, 6)), np.zeros((1, 6)), np.zeros((1, 6)), np.ones(1, bool))
    scores = score(frames(np.zeros((1, 6))), one, FPS)
    assert scores["error_by_step"]["count"] == [1]
    assert np.isnan(scores["jerk"]["predicted_deg_s3"][ALL])
