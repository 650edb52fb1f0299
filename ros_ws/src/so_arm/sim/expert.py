"""Scripted experts that see the privileged state. They make the demonstrations and prove each task solvable."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

import numpy as np

from so_arm.core.clock import CONTROL_PERIOD_S
from so_arm.core.joints import GRIPPER, LOWER_RAD, NUM_JOINTS, UPPER_RAD
from so_arm.core.kinematics import PAN_AXIS_X_M
from so_arm.sim.arm import ArmSim
from so_arm.sim.ik import GraspPointIk
from so_arm.sim.start import HOME_RAD
from so_arm.sim.tasks import Task
from so_arm.sim.tasks.pick_place import CUBE_HALF_M, PickPlace
from so_arm.sim.tasks.reach import Reach

OPEN_RAD = 0.6
SQUEEZE_RAD = 0.02
#: The fixed finger passes the cube at this distance; closing slides the cube against it.
CLEARANCE_M = 0.006
HOVER_M = 0.075
GRASP_Z_M = 0.011
PLACE_Z_M = CUBE_HALF_M + 0.003
CRUISE_RAD_S = 1.3
PRECISE_RAD_S = 0.7


#: Starts one motion and returns what comes after it.
Phase = Callable[[], "Phase"]


class Scene(Protocol):
    """What an expert sees: a `SoArmEnv`, or a model of what goes on elsewhere."""

    arm: ArmSim
    task: Task


class Expert(Protocol):
    """A policy with access to the scene's privileged state."""

    def act(self) -> np.ndarray:
        """Joint targets (6,) [rad] for the present state; one call per control tick."""


def make_expert(scene: Scene, pace: float = 1.0) -> Expert:
    """The expert of `scene`'s task, starting from its present state. pace: how much faster than usual it moves."""
    return _EXPERTS[scene.task.name](scene, pace)


class JointMotion:
    """Minimum-jerk motion to a goal, commanded so that the compliant servos arrive there.

    A servo sags under gravity and lags behind a moving target; both are known from its model and added.
    """

    def __init__(self, arm: ArmSim, pace: float) -> None:
        self._arm = arm
        self._pace = pace
        model = arm.model
        stiffness = model.actuator_gainprm[:NUM_JOINTS, 0]
        self._sag_rad_per_nm = 1.0 / stiffness
        self._lag_s = (model.dof_damping[:NUM_JOINTS] - model.actuator_biasprm[:NUM_JOINTS, 2]) / stiffness
        self._start = arm.joint_position()
        self._goal = self._start
        self._ticks = 1
        self._tick = 0

    def start(self, goal: np.ndarray, speed_rad_s: float, least_ticks: int = 6) -> None:
        """Move from the present set point to `goal` (6,) [rad]. Speed, a mean, and ticks are those at pace 1."""
        self._start = self._set_point()[0]
        self._goal = np.clip(goal, LOWER_RAD, UPPER_RAD)
        travel = np.abs(self._goal - self._start)[:GRIPPER].max()
        ticks = max(least_ticks, math.ceil(travel / speed_rad_s / CONTROL_PERIOD_S))
        self._ticks = max(1, math.ceil(ticks / self._pace))
        self._tick = 0

    @property
    def done(self) -> bool:
        return self._tick >= self._ticks

    def command(self) -> np.ndarray:
        """Next joint targets (6,) [rad]."""
        self._tick += 1
        position, velocity = self._set_point()
        sag = self._arm.bias_torque() * self._sag_rad_per_nm
        sag[GRIPPER] = 0.0
        return position + sag + velocity * self._lag_s

    def _set_point(self) -> tuple[np.ndarray, np.ndarray]:
        s = min(self._tick / self._ticks, 1.0)
        span = self._goal - self._start
        blend = s**3 * (10.0 - 15.0 * s + 6.0 * s**2)
        rate = 30.0 * s**2 * (1.0 - s) ** 2 / (self._ticks * CONTROL_PERIOD_S)
        return self._start + blend * span, rate * span


class ReachExpert:
    """Straight to the target point."""

    def __init__(self, scene: Scene, pace: float) -> None:
        self._motion = JointMotion(scene.arm, pace)
        target = scene.task.observe()
        goal, _ = GraspPointIk().solve(target, _yaw_that_keeps_roll(target, HOME_RAD), HOME_RAD)
        self._motion.start(goal, CRUISE_RAD_S)

    def act(self) -> np.ndarray:
        return self._motion.command()


class PickPlaceExpert:
    """Hover, descend, close, lift, carry, lower, open, retreat; starts over when the cube is not where it should be."""

    def __init__(self, scene: Scene, pace: float) -> None:
        self._scene = scene
        self._ik = GraspPointIk()
        self._motion = JointMotion(scene.arm, pace)
        self._pose = scene.arm.joint_position()  # set point that the current phase ends at
        self._yaw = 0.0
        self._phase: Phase = self._hover()

    def act(self) -> np.ndarray:
        if self._motion.done:
            self._phase = self._phase()
        return np.clip(self._motion.command(), LOWER_RAD, UPPER_RAD)

    # -- phases: each starts one motion and returns what comes next

    def _hover(self) -> Phase:
        cube = self._cube()
        self._yaw = self._grasp_yaw()
        self._go(self._beside(cube, HOVER_M), OPEN_RAD, CRUISE_RAD_S)
        return self._descend

    def _descend(self) -> Phase:
        self._go(self._beside(self._cube(), GRASP_Z_M), OPEN_RAD, PRECISE_RAD_S)
        return self._settle

    def _settle(self) -> Phase:
        self._stay(OPEN_RAD, ticks=4)
        return self._close

    def _close(self) -> Phase:
        self._stay(SQUEEZE_RAD, ticks=12)
        return self._lift

    def _lift(self) -> Phase:
        grasp = np.array(self._scene.arm.grasp_point())
        self._go(np.array([grasp[0], grasp[1], HOVER_M]), SQUEEZE_RAD, PRECISE_RAD_S)
        return self._carry

    def _carry(self) -> Phase:
        if not self._holding():
            return self._hover()
        target = self._target()
        self._yaw = _yaw_that_keeps_roll(target, self._pose)
        self._go(np.array([target[0], target[1], HOVER_M]), SQUEEZE_RAD, CRUISE_RAD_S)
        return self._lower

    def _lower(self) -> Phase:
        if not self._holding():
            return self._hover()
        target = self._target()
        self._go(np.array([target[0], target[1], PLACE_Z_M]), SQUEEZE_RAD, PRECISE_RAD_S)
        return self._open

    def _open(self) -> Phase:
        self._stay(OPEN_RAD, ticks=10)
        return self._retreat

    def _retreat(self) -> Phase:
        target = self._target()
        self._go(np.array([target[0], target[1], HOVER_M]), OPEN_RAD, PRECISE_RAD_S)
        return self._wait

    def _wait(self) -> Phase:
        if not self._scene.task.milestones.in_target:
            return self._hover()
        self._stay(OPEN_RAD, ticks=5)
        return self._wait

    # -- geometry

    def _go(self, point: np.ndarray, jaw: float, speed: float) -> None:
        self._pose, _ = self._ik.solve(point, self._yaw, self._pose)
        self._pose[GRIPPER] = jaw
        self._motion.start(self._pose, speed)

    def _stay(self, jaw: float, ticks: int) -> None:
        self._pose = self._pose.copy()
        self._pose[GRIPPER] = jaw
        self._motion.start(self._pose, CRUISE_RAD_S, ticks)

    def _cube(self) -> np.ndarray:
        return self._scene.task.observe()[:3]

    def _target(self) -> np.ndarray:
        return self._scene.task.observe()[7:10]

    def _beside(self, cube: np.ndarray, height: float) -> np.ndarray:
        """Grasp point at `height` with the fixed finger clear of the cube."""
        return np.array(
            [cube[0] + CLEARANCE_M * math.cos(self._yaw), cube[1] + CLEARANCE_M * math.sin(self._yaw), height]
        )

    def _holding(self) -> bool:
        return math.dist(self._cube(), self._scene.arm.grasp_point()) < 2 * CUBE_HALF_M

    def _grasp_yaw(self) -> float:
        """Opening direction square to the cube, of the four the one that turns the wrist least from its start."""
        cube = self._scene.task.observe()
        w, x, y, z = cube[3:7]
        yaw = math.atan2(2.0 * (w * z + x * y), 1.0 - 2.0 * (y * y + z * z))
        preferred = _yaw_that_keeps_roll(cube[:3], HOME_RAD)
        quarter = math.pi / 2
        return yaw + quarter * round((preferred - yaw) / quarter)


def _yaw_that_keeps_roll(point: np.ndarray, pose: np.ndarray) -> float:
    """Opening direction over `point` with the wrist roll of `pose`: yaw = roll - pan + pi for fingers down."""
    pan = -math.atan2(point[1], point[0] - PAN_AXIS_X_M)
    return float(pose[GRIPPER - 1] - pan + math.pi)


_EXPERTS: dict[str, Callable[[Scene, float], Expert]] = {PickPlace.name: PickPlaceExpert, Reach.name: ReachExpert}
