"""What the critics learn: a bonus for success, and the task's reward as a potential.

A dense reward that is summed up pays for staying where it is high: hovering over the target for a whole episode
earns more than success, which ends it. As a potential, ``F = discount * phi(s') - phi(s)``, the same reward leads
the way without changing which policy is best (Ng, Harada and Russell, "Policy invariance under reward
transformations", 1999). The potential of a success is 0, as that of every terminal state has to be.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from so_arm.rewards.registry import RewardFunction
from so_arm.rewards.state import RewardState

PRIVILEGED_SIZE = 14
_HEIGHT_GAIN = 10.0


class TrainingReward:
    """bonus: at success. shaping: of the task's reward in the potential; 0 leaves the bonus alone."""

    def __init__(self, reward: RewardFunction, bonus: float, shaping: float, discount: float) -> None:
        self._reward = reward
        self._bonus, self._shaping, self._discount = bonus, shaping, discount
        self._potential = 0.0

    def begin(self, state: RewardState) -> None:
        """A new episode in `state`."""
        self._potential = self._phi(state)

    def __call__(self, state: RewardState) -> float:
        """For the tick that led to `state`."""
        before, self._potential = self._potential, 0.0 if state.success else self._phi(state)
        return self._bonus * state.success + self._discount * self._potential - before

    def _phi(self, state: RewardState) -> float:
        if self._shaping == 0.0:
            return 0.0
        return self._shaping * self._reward(replace(state, success=False) if state.success else state)


def privileged(state: RewardState) -> np.ndarray:
    """What only a simulation knows, for the critics: (PRIVILEGED_SIZE,) float32."""
    return np.array(
        (
            *state.object_position,
            *state.target_position,
            *state.gripper_position,
            state.object_height * _HEIGHT_GAIN,
            state.gripper_object_contacts,
            state.object_speed,
            state.gripper_opening,
            state.ever_lifted,
        ),
        np.float32,
    )


def places(state: RewardState) -> np.ndarray:
    """What the estimator learns: object and target position (6,) float32 [m]."""
    return np.array((*state.object_position, *state.target_position), np.float32)
