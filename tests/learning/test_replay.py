"""A policy on recorded observations: the same answers as in the closed loop, chunk by chunk, also late ones."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from so_arm.core.chunk import ChunkTimeline
from so_arm.core.clock import tick_stamp_ns
from so_arm.data.recordings.recording import RecordedFrames
from so_arm.learning.controller import PolicyController
from so_arm.learning.evaluation import run_episode
from so_arm.learning.replay import replay

sys.path.insert(0, str(Path(__file__).parent))
from fake_episodes import HORIZON, PERIOD_NS, FakeEnv, FakePolicy


class Offset:
    """A residual that is not zero."""

    def reset(self):
        pass

    def correct(self, tick):
        residual = 0.01 * tick.position
        return residual, tick.plan[0] + residual


def timeline() -> ChunkTimeline:
    return ChunkTimeline(PERIOD_NS, 50, 0.6)


def recorded(asked: list | None = None, ticks: int = HORIZON) -> RecordedFrames:
    """States that the fake policy made itself, of a failed episode."""
    states: list[np.ndarray] = []
    actions: list[np.ndarray] = []

    def observe(tick, observation, action, reward):
        states.append(observation["joint_position"])
        actions.append(action)

    run_episode(FakeEnv(), PolicyController(FakePolicy(), timeline(), Offset()), 1, observe)

    def image_of(camera: str, tick: int) -> np.ndarray:
        if asked is not None:
            asked.append((camera, tick))
        return np.zeros((4, 6, 3), np.uint8)

    stamps = np.array([tick_stamp_ns(tick) for tick in range(ticks)])
    state, action = np.array(states)[:ticks], np.array(actions)[:ticks]
    return RecordedFrames("episode", stamps, state, action, ("static", "wrist"), image_of)


def test_on_its_own_recording_a_policy_repeats_itself_to_the_last_bit():
    frames = recorded()
    predictions = replay(frames, FakePolicy(), timeline(), Offset())
    np.testing.assert_array_equal(predictions.action, frames.action)
    np.testing.assert_array_equal(predictions.residual, 0.01 * frames.state)
    np.testing.assert_array_equal(predictions.base + predictions.residual, predictions.action)
    assert predictions.fresh.all()


def test_chunks_where_they_are_due_and_images_only_there():
    asked: list[tuple[str, int]] = []
    predictions = replay(recorded(asked), FakePolicy(), timeline())
    assert [tick for tick, _ in predictions.chunks] == [0, 20, 40]
    assert all(steps.shape == (50, 6) for _, steps in predictions.chunks)
    assert asked == [(camera, tick) for tick in (0, 20, 40) for camera in ("static", "wrist")]
    assert not predictions.residual.any()


def test_every_replay_begins_anew():
    frames, policy, line = recorded(), FakePolicy(), timeline()
    once, again = replay(frames, policy, line), replay(frames, policy, line)
    np.testing.assert_array_equal(once.action, again.action)


def test_late_chunks_leave_ticks_without_an_answer_and_then_unfresh_ones():
    frames = recorded()
    predictions = replay(frames, FakePolicy(), timeline(), delay=3)
    late = [0, 1, 2, 20, 21, 22, 40, 41, 42]
    assert [tick for tick, _ in predictions.chunks] == [0, 20, 40]
    assert np.flatnonzero(~predictions.fresh).tolist() == late
    assert np.flatnonzero(np.isnan(predictions.action[:, 0])).tolist() == [0, 1, 2]
    # Until the second chunk is there the first one goes on, then its fourth step answers.
    np.testing.assert_array_equal(predictions.base[22], predictions.chunks[0][1][22])
    np.testing.assert_array_equal(predictions.base[23], predictions.chunks[1][1][3])


@pytest.mark.parametrize("delay", [1, 50, 200])
def test_a_delay_longer_than_the_chunk(delay):
    predictions = replay(recorded(), FakePolicy(), timeline(), delay=delay)
    answered = ~np.isnan(predictions.action[:, 0])
    assert answered.sum() == {1: HORIZON - 1, 50: 0, 200: 0}[delay]
