"""What an environment asks of a task: what lies in the scene, and when it is done."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from so_arm.rewards.state import RewardState
from so_arm.sim.arm import ArmSim
from so_arm.sim.outcome import Milestones


class Task(Protocol):
    """One task on one arm. Built once per environment, `initialize`d once per episode."""

    name: str
    scene: str
    instruction: str
    horizon: int
    milestones: Milestones

    def initialize(self, arm: ArmSim, rng: np.random.Generator) -> None:
        """Place everything that an episode varies; the arm stands at its start pose."""

    def observe(self) -> np.ndarray:
        """Privileged state (`objects_size`,): object poses, then the target position [m]."""

    def restore(self, objects: np.ndarray) -> None:
        """Put everything where `objects`, as `observe` gave them, have it."""

    def state(self, tick: int) -> RewardState:
        """Reward state after control tick `tick`, moving the milestones on."""

    @property
    def objects_size(self) -> int: ...
