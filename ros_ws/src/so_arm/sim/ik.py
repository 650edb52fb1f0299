"""Inverse kinematics of the grasp point with mink."""

from __future__ import annotations

import mink
import numpy as np

from so_arm.core.joints import GRIPPER, LOWER_RAD, NUM_JOINTS, UPPER_RAD
from so_arm.sim.arm import load_model

_STEP_S = 0.05
_MAX_ITERATIONS = 60
_TOLERANCE_M = 3e-4
_SOLVER = "daqp"


class GraspPointIk:
    """Joint positions that bring the grasp point somewhere, fingers down, opening along a given direction.

    The arm has five joints before the jaw, so orientation gives way where the position cannot be had otherwise.
    """

    def __init__(self) -> None:
        self._configuration = mink.Configuration(load_model("scene"))
        # Two rounds: near the pose that is wanted, then the position to the millimetre.
        self._rounds = [
            mink.FrameTask("grasp", "site", position_cost=10.0, orientation_cost=1.0, lm_damping=1e-3),
            mink.FrameTask("grasp", "site", position_cost=10.0, orientation_cost=0.05, lm_damping=1e-3),
        ]
        self._posture = mink.PostureTask(self._configuration.model, cost=1e-3)
        self._limits = [mink.ConfigurationLimit(self._configuration.model)]

    def solve(self, point: np.ndarray, opening_yaw: float, seed: np.ndarray) -> tuple[np.ndarray, float]:
        """Joints (6,) [rad] for the grasp point (3,) [m], the fingers opening along `opening_yaw` [rad].

        `seed` (6,) is where to start; its jaw angle is kept. Also returns the position error left [m].
        """
        target = mink.SE3.from_rotation_and_translation(
            mink.SO3.from_matrix(_fingers_down(opening_yaw)), np.asarray(point, dtype=np.float64)
        )
        configuration = self._configuration
        configuration.update(np.clip(seed, LOWER_RAD + 1e-4, UPPER_RAD - 1e-4))
        self._posture.set_target(seed)
        for task in self._rounds:
            task.set_target(target)
            for _ in range(_MAX_ITERATIONS):
                velocity = mink.solve_ik(
                    configuration, [task, self._posture], _STEP_S, _SOLVER, damping=1e-6, limits=self._limits
                )
                velocity[GRIPPER] = 0.0
                configuration.integrate_inplace(velocity, _STEP_S)
                if np.abs(velocity).max() * _STEP_S < 1e-4:
                    break
        position = configuration.q[:NUM_JOINTS].copy()
        reached = configuration.data.site("grasp").xpos
        return position, float(np.linalg.norm(reached - point))


def _fingers_down(yaw: float) -> np.ndarray:
    """Rotation (3, 3) of gripper_link: its -y axis points down, its x axis (the opening) along `yaw`."""
    x = np.array([np.cos(yaw), np.sin(yaw), 0.0])
    y = np.array([0.0, 0.0, 1.0])
    return np.stack([x, y, np.cross(x, y)], axis=1)
