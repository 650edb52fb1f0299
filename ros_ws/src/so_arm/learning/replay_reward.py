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
    success = None if frames.reward_success is None else bool(frames.reward_success[-1])
    if frames.reward is None:
        return RewardTrace(RECORDED, None, success, "the recording holds no reward")
    reason = "" if success is not None else "the recording does not hold what the reward source said of success"
    return RewardTrace(RECORDED, frames.reward, success, reason)


def computed_reward(frames: RecordedFrames, reward: RewardFunction) -> RewardTrace:
    """What `reward` pays for the states of the simulation, with the code that runs live."""
    if frames.sim_states is None:
        return RewardTrace(reward.name, None, None, "the recording does not hold /sim/state, which the reward looks at")
    states = [RewardState.from_text(texts) for texts in frames.sim_states]
    return RewardTrace(reward.name, np.array([reward(state) for state in states]), states[-1].success)
