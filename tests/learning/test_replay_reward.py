import numpy as np
import pytest

from so_arm.core.errors import UserError
from so_arm.data.recordings.recording import RecordedFrames
from so_arm.learning.replay_reward import computed_reward, recorded_reward
from so_arm.rewards.registry import make_reward
from so_arm.rewards.samples import sample_states

STATES = list(sample_states().values())


def frames(**more) -> RecordedFrames:
    ticks = len(STATES)
    joints = np.zeros((ticks, 6))
    return RecordedFrames("episode", np.arange(ticks), joints, joints, (), lambda camera, tick: np.empty(0), **more)


def test_the_recorded_reward_and_its_verdict():
    values = np.arange(float(len(STATES)))
    trace = recorded_reward(frames(reward=values, reward_success=True))
    assert trace.values is values
    assert (trace.source, trace.success, trace.reason) == ("recorded", True, "")


def test_what_is_not_recorded_has_a_reason():
    assert recorded_reward(frames()).reason == "the recording holds no reward"
    trace = recorded_reward(frames(reward=np.zeros(len(STATES))))
    assert trace.success is None
    assert "what the reward source said" in trace.reason


def test_computed_anew_from_the_state_of_the_simulation():
    reward = make_reward("v3")
    trace = computed_reward(frames(sim_states=tuple(state.to_text() for state in STATES)), reward)
    assert trace.values.tolist() == [reward(state) for state in STATES]
    assert (trace.source, trace.success) == ("v3", True)


def test_states_that_got_lost_have_no_reward():
    texts = [state.to_text() for state in STATES]
    trace = computed_reward(frames(sim_states=(None, *texts[1:-1], None)), make_reward("v3"))
    assert np.flatnonzero(np.isnan(trace.values)).tolist() == [0, len(STATES) - 1]
    assert trace.success is None


def test_without_the_state_of_the_simulation_it_says_why_not():
    trace = computed_reward(frames(), make_reward("v3"))
    assert (trace.values, trace.success) == (None, None)
    assert "/sim/state" in trace.reason


def test_a_state_that_lacks_a_field_is_refused():
    texts = [state.to_text() for state in STATES]
    del texts[3]["object_height"]
    with pytest.raises(UserError, match="object_height"):
        computed_reward(frames(sim_states=tuple(texts)), make_reward("v3"))
