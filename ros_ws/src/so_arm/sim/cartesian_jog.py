"""Cartesian jog with mink: small motions of the grasp point, the fingers' pitch and roll, in joint steps."""

from __future__ import annotations

import mink
import numpy as np

from so_arm.core.jog import JAW, PITCH, ROLL, Z
from so_arm.core.joints import GRIPPER, JOINT_NAMES, LOWER_RAD, NUM_JOINTS, UPPER_RAD
from so_arm.sim.arm import load_model

#: No joint goes faster than that, also where the arm is stretched out and the hand could only follow by leaps.
MAX_JOINT_RAD_S = 1.5
_ROUNDS = 2
_SOLVER = "daqp"
#: Rates of pitch (up) and roll over the joint velocities: the axes of three joints are parallel.
_TURN = np.zeros((2, NUM_JOINTS))
_TURN[0, 1:4] = -1.0
_TURN[1, GRIPPER - 1] = 1.0


class _Turn(mink.Task):
    """Pitch and roll of the fingers, which follow from the joints alone, at a wanted value."""

    def __init__(self) -> None:
        super().__init__(cost=np.array([0.1, 0.1]), lm_damping=0.0)
        self.wanted = np.zeros(2)

    def compute_error(self, configuration: mink.Configuration) -> np.ndarray:
        return _TURN @ configuration.q[:NUM_JOINTS] - self.wanted

    def compute_jacobian(self, configuration: mink.Configuration) -> np.ndarray:
        return _TURN


class CartesianJog:
    """Steps of the arm without its jaw, which has five joints for five wishes: x, y, z, pitch, roll.

    Where they cannot all be had (at a joint's end, at full stretch), the arm does what comes nearest and stops there.
    """

    def __init__(self) -> None:
        self._configuration = mink.Configuration(load_model("scene"))
        self._point = mink.FrameTask("grasp", "site", position_cost=10.0, orientation_cost=0.0, lm_damping=1e-2)
        self._turn = _Turn()
        model = self._configuration.model
        speeds = dict.fromkeys(JOINT_NAMES, MAX_JOINT_RAD_S)
        self._limits = [mink.ConfigurationLimit(model), mink.VelocityLimit(model, speeds)]

    def __call__(self, joints: np.ndarray, velocity: np.ndarray, time_s: float) -> np.ndarray:
        """Joints (6,) [rad] after `time_s`. velocity: (6,) x y z [m/s] in base_link, pitch, roll, jaw [rad/s]."""
        configuration = self._configuration
        configuration.update(np.clip(joints, LOWER_RAD + 1e-4, UPPER_RAD - 1e-4))
        point = configuration.data.site("grasp").xpos + velocity[: Z + 1] * time_s
        self._point.set_target(mink.SE3.from_translation(point))
        self._turn.wanted = _TURN @ configuration.q[:NUM_JOINTS] + velocity[[PITCH, ROLL]] * time_s
        for _ in range(_ROUNDS):
            step = mink.solve_ik(
                configuration,
                [self._point, self._turn],
                time_s / _ROUNDS,
                _SOLVER,
                damping=1e-6,
                limits=self._limits,
            )
            step[GRIPPER] = 0.0
            configuration.integrate_inplace(step, time_s / _ROUNDS)
        moved = configuration.q[:NUM_JOINTS].copy()
        moved[GRIPPER] = joints[GRIPPER] + velocity[JAW] * time_s
        return moved
