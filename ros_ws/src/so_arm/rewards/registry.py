"""Rewards by name: v1, v2, v3 (also called "stable"), or file:PATH."""

from __future__ import annotations

from typing import Protocol

from so_arm.core.errors import choice_error
from so_arm.rewards.file_reward import FileReward
from so_arm.rewards.shaped import WEIGHTS, ShapedReward
from so_arm.rewards.state import RewardState

DEFAULT_REWARD = "v3"
ALIASES = {"stable": "v3"}
FILE_PREFIX = "file:"
CHOICES = (*WEIGHTS, *ALIASES, "file:PATH")


class RewardFunction(Protocol):
    """What an environment calls once per tick. Learned rewards fit in by having the same shape."""

    name: str

    def __call__(self, state: RewardState) -> float: ...

    def terms(self, state: RewardState) -> dict[str, float]: ...


def make_reward(spec: str) -> RewardFunction:
    """The reward that `spec` names; UserError with the choices, or with the file and line at fault."""
    if spec.startswith(FILE_PREFIX):
        return FileReward(spec.removeprefix(FILE_PREFIX))
    name = ALIASES.get(spec, spec)
    if name not in WEIGHTS:
        raise choice_error("reward", spec, CHOICES)
    return ShapedReward(name, WEIGHTS[name])
