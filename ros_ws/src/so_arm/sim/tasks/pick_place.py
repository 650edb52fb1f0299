"""Put a 25 mm cube that lies anywhere in front of the arm onto a disc whose place varies too."""

from __future__ import annotations

import math

import numpy as np

from so_arm.core.clock import CONTROL_HZ
from so_arm.core.joints import GRIPPER
from so_arm.rewards.state import RewardState
from so_arm.rewards.terms import TARGET_RADIUS_M, is_lifted
from so_arm.sim.arm import ArmSim
from so_arm.sim.outcome import Milestones

CUBE_HALF_M = 0.0125
#: 15 cm x 20 cm in front of the arm, all of it within reach of a gripper that points down.
AREA_LOWER_M = (0.14, -0.10)
AREA_UPPER_M = (0.29, 0.10)
#: Cube and target start apart, so that no episode is solved by doing nothing.
APART_M = 0.07
SETTLE_TICKS = CONTROL_HZ // 2
REST_SPEED_M_S = 0.01


class PickPlace:
    """Success: the cube at rest inside the target zone, released, for 0.5 s."""

    name = "pick_place"
    instruction = "Put the cube into the target zone."
    scene = "pick_place"
    horizon = 400
    objects_size = 10

    def __init__(self, arm: ArmSim) -> None:
        model, data = arm.model, arm.data
        self._arm = arm
        qpos, qvel = int(model.joint("cube").qposadr[0]), int(model.joint("cube").dofadr[0])
        self._cube = data.qpos[qpos : qpos + 7]
        self._cube_velocity = data.qvel[qvel : qvel + 3]
        self._target = data.mocap_pos[0]
        touch = [int(model.sensor(name).adr[0]) for name in ("fixed_finger_touch", "moving_finger_touch")]
        self._touch = data.sensordata[min(touch) : max(touch) + 1]
        self._qpos = data.qpos
        self._settled = 0
        self.milestones = Milestones()

    def initialize(self, arm: ArmSim, rng: np.random.Generator) -> None:
        self.milestones = Milestones()
        self._settled = 0
        cube = rng.uniform(AREA_LOWER_M, AREA_UPPER_M)
        yaw = rng.uniform(-math.pi, math.pi)
        target = rng.uniform(AREA_LOWER_M, AREA_UPPER_M)
        while math.dist(cube, target) < APART_M:
            target = rng.uniform(AREA_LOWER_M, AREA_UPPER_M)
        self._cube[:] = (*cube, CUBE_HALF_M, math.cos(yaw / 2), 0.0, 0.0, math.sin(yaw / 2))
        self._target[:2] = target

    def observe(self) -> np.ndarray:
        return np.concatenate((self._cube, self._target))

    def restore(self, objects: np.ndarray) -> None:
        self._cube[:], self._target[:] = objects[:7], objects[7:]

    def state(self, tick: int) -> RewardState:
        x, y, z, *_ = self._cube.tolist()
        tx, ty, _ = self._target.tolist()
        vx, vy, vz = self._cube_velocity.tolist()
        gx, gy, gz = self._arm.grasp_point()
        left, right = self._touch.tolist()
        contacts = (left > 0.0) + (right > 0.0)
        height = z - CUBE_HALF_M
        speed = math.sqrt(vx * vx + vy * vy + vz * vz)
        distance = math.hypot(x - tx, y - ty)
        in_target = distance < TARGET_RADIUS_M and height < 0.005
        self._settled = self._settled + 1 if in_target and not contacts and speed < REST_SPEED_M_S else 0

        milestones = self.milestones
        approach = math.sqrt((x - gx) ** 2 + (y - gy) ** 2 + (z - gz) ** 2)
        if approach < milestones.closest_approach_m:
            milestones.closest_approach_m = approach
        milestones.touched = milestones.touched or contacts > 0
        milestones.lifted = is_lifted(height)
        milestones.ever_lifted = milestones.ever_lifted or milestones.lifted
        milestones.target_distance_m = distance
        milestones.in_target = in_target
        return RewardState(
            (x, y, z),
            (tx, ty, CUBE_HALF_M),  # where the cube's centre comes to rest, not the zone painted on the table
            (gx, gy, gz),
            height,
            contacts,
            speed,
            float(self._qpos[GRIPPER]),
            milestones.ever_lifted,
            self._settled >= SETTLE_TICKS,
            tick,
        )
