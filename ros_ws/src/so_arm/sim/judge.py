"""When an episode is over and what it was worth: the same for every way to drive the arm."""

from __future__ import annotations

from typing import NamedTuple

from so_arm.rewards.registry import DEFAULT_REWARD, RewardFunction, make_reward
from so_arm.rewards.state import RewardState
from so_arm.sim.tasks import Task


class Verdict(NamedTuple):
    """What one control tick came to. failure: why, when the episode was cut off without success."""

    state: RewardState
    reward: float
    success: bool
    truncated: bool
    failure: str | None

    @property
    def over(self) -> bool:
        return self.success or self.truncated


class Judge:
    """Counts the control ticks of an episode of `task`. horizon: ticks after which it has failed; None: the task's."""

    def __init__(self, task: Task, reward: str | RewardFunction = DEFAULT_REWARD, horizon: int | None = None) -> None:
        self.reward = make_reward(reward) if isinstance(reward, str) else reward
        self.horizon = horizon if horizon is not None else task.horizon
        self.tick = 0
        self._task = task

    def begin(self) -> RewardState:
        """A new episode; the state before its first tick."""
        self.tick = 0
        return self._task.state(0)

    def judge(self) -> Verdict:
        """After each control tick, once."""
        self.tick += 1
        state = self._task.state(self.tick)
        truncated = not state.success and self.tick >= self.horizon
        failure = self._task.milestones.failure() if truncated else None
        return Verdict(state, self.reward(state), state.success, truncated, failure)
