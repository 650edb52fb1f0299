"""The reward of a recorded episode: as it was recorded, or computed anew from the recorded state of the simulation."""

from __future__ import annotations

import numpy as np

from so_arm.core.reward_trace import RewardTrace
from so_arm.data.recordings.recording import RecordedFrames
from so_arm.rewards.registry import RewardFunction
from so_arm.rewards.state import RewardState

RECORDED = "recorded"


def recorded_reward(frames: RecordedFrames) -> RewardTrace:
    """What the recording holds."""
    if frames.reward is None:
        return RewardTrace(RECORDED, None, frames.reward_success, "the recording holds no reward")
    told = frames.reward_success is not None
    reason = "" if told else "the recording does not hold what the reward source said of success"
    return RewardTrace(RECORDED, frames.reward, frames.reward_success, reason)


def computed_reward(frames: RecordedFrames, reward: RewardFunction) -> RewardTrace:
    """What `reward` pays for the states of the simulation, with the code that runs live; NaN where one got lost."""
    if frames.sim_states is None:
        return RewardTrace(reward.name, None, None, "the recording does not hold /sim/state, which the reward looks at")
    states = [None if texts is None else RewardState.from_text(texts) for texts in frames.sim_states]
    values = np.array([np.nan if state is None else reward(state) for state in states])
    return RewardTrace(reward.name, values, None if states[-1] is None else states[-1].success)
