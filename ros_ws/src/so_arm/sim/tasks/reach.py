"""Bring the grasp point to a point in the air and keep it there. Fast: for tests and first learning curves."""

from __future__ import annotations

import math

import numpy as np

from so_arm.core.clock import CONTROL_HZ
from so_arm.core.joints import GRIPPER
from so_arm.rewards.state import RewardState
from so_arm.sim.arm import ArmSim
from so_arm.sim.outcome import APPROACH_M, Milestones

RADIUS_M = 0.02
HOLD_TICKS = CONTROL_HZ // 2
LOWER_M = (0.15, -0.12, 0.05)
UPPER_M = (0.28, 0.12, 0.18)


class Reach:
    """Grasp point within 2 cm of the target for 0.5 s."""

    name = "reach"
    instruction = "Reach the target point."
    scene = "reach"
    horizon = 150
    objects_size = 3

    def __init__(self, arm: ArmSim) -> None:
        self._arm = arm
        self._target_mocap = arm.data.mocap_pos[0]
        self.milestones = Milestones()
        self._held = 0

    def initialize(self, arm: ArmSim, rng: np.random.Generator) -> None:
        self.milestones = Milestones()
        self._held = 0
        self._target_mocap[:] = rng.uniform(LOWER_M, UPPER_M)

    def observe(self) -> np.ndarray:
        return self._target_mocap.copy()

    def restore(self, objects: np.ndarray) -> None:
        self._target_mocap[:] = objects

    def state(self, tick: int) -> RewardState:
        gripper = self._arm.grasp_point()
        x, y, z = self._target_mocap.tolist()
        target = (x, y, z)
        distance = math.dist(gripper, target)
        milestones = self.milestones
        milestones.target_distance_m = distance
        milestones.closest_approach_m = min(milestones.closest_approach_m, distance)
        milestones.touched = milestones.closest_approach_m <= APPROACH_M
        # Nothing to lift here: an arm that got near but never stayed ran out of time.
        milestones.ever_lifted = milestones.lifted = milestones.touched
        self._held = self._held + 1 if distance < RADIUS_M else 0
        return RewardState(
            object_position=gripper,
            target_position=target,
            gripper_position=gripper,
            object_height=0.0,
            gripper_object_contacts=0,
            object_speed=0.0,
            gripper_opening=float(self._arm.data.qpos[GRIPPER]),
            ever_lifted=False,
            success=self._held >= HOLD_TICKS,
            tick=tick,
        )
