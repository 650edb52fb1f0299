"""The physics of the arm: one MuJoCo model and its data, read and driven in joint order."""

from __future__ import annotations

import copy
from functools import cache

import mujoco
import numpy as np

from so_arm.core.joints import JOINT_NAMES, NUM_JOINTS
from so_arm.core.paths import share_dir
from so_arm.sim.clock import PHYSICS_STEP_S, substeps


@cache
def _compiled(scene: str) -> mujoco.MjModel:
    return mujoco.MjModel.from_xml_path(str(share_dir() / "mjcf" / f"{scene}.xml"))


def load_model(scene: str) -> mujoco.MjModel:
    """A fresh model of ``mjcf/<scene>.xml``; changing it does not touch any other."""
    return copy.copy(_compiled(scene))


class ArmSim:
    """The arm in its scene. The six joints come first in qpos, qvel and ctrl, in ``JOINT_NAMES`` order."""

    def __init__(self, model: mujoco.MjModel) -> None:
        actuators = tuple(model.actuator(i).name for i in range(NUM_JOINTS))
        addresses = [int(model.joint(name).qposadr[0]) for name in JOINT_NAMES]
        if actuators != JOINT_NAMES or addresses != list(range(NUM_JOINTS)) or model.opt.timestep != PHYSICS_STEP_S:
            raise ValueError(f"the scene does not start with the arm's joints or has another time step: {actuators}")
        self.model = model
        self.data = mujoco.MjData(model)
        self.grasp_site: int = model.site("grasp").id
        self._position = self.data.qpos[:NUM_JOINTS]
        self._velocity = self.data.qvel[:NUM_JOINTS]
        self._target = self.data.ctrl[:NUM_JOINTS]
        self._bias = self.data.qfrc_bias[:NUM_JOINTS]
        self._grasp = self.data.site_xpos[self.grasp_site]
        self._force = self.data.actuator_force[:NUM_JOINTS]
        self._strongest = model.actuator_forcerange[:NUM_JOINTS].copy()
        self._limits = model.actuator_forcerange[:NUM_JOINTS]
        self._ends = model.jnt_range[:NUM_JOINTS]

    def reset(self, position: np.ndarray) -> None:
        """Back to the model's initial state with the arm at rest at `position` (6,) [rad]."""
        mujoco.mj_resetData(self.model, self.data)
        self._position[:] = position
        self._target[:] = position

    def settle(self) -> None:
        """Make every derived quantity agree with positions and velocities."""
        mujoco.mj_forward(self.model, self.data)

    def advance(self, target: np.ndarray, tick: int) -> None:
        """One control tick with the servos holding `target` (6,) [rad]."""
        self.step(target, substeps(tick))

    def step(self, target: np.ndarray, steps: int) -> None:
        """`steps` physics steps with the servos holding `target` (6,) [rad]."""
        self._target[:] = target
        mujoco.mj_step(self.model, self.data, steps)

    def limit_torque(self, fraction: np.ndarray) -> None:
        """Servos use at most `fraction` (6,) of their stall torque; at 0 the joint is limp, its friction remains."""
        self._limits[:] = self._strongest * fraction[:, None]

    def widen(self, lower: np.ndarray, upper: np.ndarray) -> None:
        """Joints turn at least from `lower` to `upper`, both (6,) [rad]; NaN leaves an end where it is."""
        ends = self._ends
        ends[:, 0], ends[:, 1] = np.fmin(ends[:, 0], lower), np.fmax(ends[:, 1], upper)

    def joint_ends(self) -> tuple[np.ndarray, np.ndarray]:
        """How far the joints turn: lower and upper ends, both (6,) [rad], copies."""
        return self._ends[:, 0].copy(), self._ends[:, 1].copy()

    def set_torque(self, enabled: bool) -> None:
        """Servos on, or limp. Survives `reset`."""
        flag = int(mujoco.mjtDisableBit.mjDSBL_ACTUATION)
        self.model.opt.disableflags = self.model.opt.disableflags & ~flag | (0 if enabled else flag)

    def joint_position(self) -> np.ndarray:
        """(6,) [rad], a copy."""
        return self._position.copy()

    def joint_velocity(self) -> np.ndarray:
        """(6,) [rad/s], a copy."""
        return self._velocity.copy()

    def servo_load(self) -> np.ndarray:
        """Torque of the servos (6,) as a fraction of stall torque, signed."""
        return self._force / self._strongest[:, 1]

    def joint_target(self) -> np.ndarray:
        """What the servos hold (6,) [rad], a copy."""
        return self._target.copy()

    def snapshot(self) -> np.ndarray:
        """What it takes to draw this moment again: qpos, then the target's position."""
        return np.concatenate((self.data.qpos, self.data.mocap_pos[0]))

    def bias_torque(self) -> np.ndarray:
        """Gravity and Coriolis torques (6,) [N m], a copy."""
        return self._bias.copy()

    def grasp_point(self) -> tuple[float, float, float]:
        """Point between the finger tips, in base_link [m]."""
        x, y, z = self._grasp.tolist()
        return x, y, z
