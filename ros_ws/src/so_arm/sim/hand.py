"""A person's hand at the simulated arm: leads joints somewhere and holds them there, like one who calibrates it."""

from __future__ import annotations

from collections import deque

import numpy as np

from so_arm.core.joints import GRIPPER_CLOSED_RAD, GRIPPER_OPEN_RAD, JOINT_NAMES, NUM_JOINTS
from so_arm.sim.arm import ArmSim

_SPEED_RAD_S = 1.2
_STIFFNESS, _DAMPING = 150.0, 2.0  # [N m/rad], [N m s/rad]
_STRONGEST_NM = 4.0
_ARRIVED_RAD, _PATIENCE_S = 0.01, 0.5
#: Past its end, so that a joint is felt to stop there; not so far that what stops it gives way.
_PUSH_RAD = 0.01
_HALF_OPEN_RAD = (GRIPPER_CLOSED_RAD + GRIPPER_OPEN_RAD) / 2
#: The middle of every joint's range; the calibration starts there.
MIDDLE_RAD = np.array([0.0, 0.0, 0.0, 0.0, 0.0, _HALF_OPEN_RAD])
#: Where joints can go to their ends without meeting the table; the lift forward needs the arm folded.
_CLEAR = np.array([0.0, -1.2, 0.0, 0.0, 0.0, _HALF_OPEN_RAD])
_FOLDED = np.array([0.0, 0.0, -1.7, 0.0, 0.0, _HALF_OPEN_RAD])


class Hand:
    """Call `push` before every physics step. Poses are (6,) [rad]; NaN is a joint that the hand lets go."""

    def __init__(self, arm: ArmSim) -> None:
        self._arm = arm
        self._force = arm.data.qfrc_applied[:NUM_JOINTS]
        self._way: deque[np.ndarray] = deque()
        self._held = np.full(NUM_JOINTS, np.nan)
        self._lost_s = 0.0

    @property
    def busy(self) -> bool:
        """On its way; else it holds what it has, or nothing."""
        return bool(self._way)

    def lead(self, *poses: np.ndarray) -> None:
        """Through `poses`, and hold the last one."""
        self._held = self._arm.joint_position()
        self._way = deque(poses)

    def sweep(self) -> None:
        """Every joint to both of its ends, one after the other, with the arm clear of the table; then the middle."""
        poses = [_CLEAR]
        for joint, (name, lower, upper) in enumerate(zip(JOINT_NAMES, *self._arm.joint_ends(), strict=True)):
            for end in (lower - _PUSH_RAD, upper + _PUSH_RAD):
                start = _FOLDED if name == "shoulder_lift" and end > 0 else _CLEAR
                pose = start.copy()
                pose[joint] = end
                poses += [start, pose, start]
        self.lead(*poses, MIDDLE_RAD)

    def let_go(self) -> None:
        self._way.clear()
        self._held = np.full(NUM_JOINTS, np.nan)
        self._force[:] = 0.0

    def push(self, dt_s: float) -> None:
        """One physics step."""
        if np.isnan(self._held).all() and not self._way:
            return
        position = self._arm.joint_position()
        if self._way:
            self._follow(position, dt_s)
        pull = _STIFFNESS * (self._held - position) - _DAMPING * self._arm.joint_velocity()
        self._force[:] = np.clip(np.nan_to_num(pull), -_STRONGEST_NM, _STRONGEST_NM)

    def _follow(self, position: np.ndarray, dt_s: float) -> None:
        goal = self._way[0]
        held = np.where(np.isnan(self._held), position, self._held)
        step = np.clip(goal - held, -_SPEED_RAD_S * dt_s, _SPEED_RAD_S * dt_s)
        self._held = held + step  # NaN where the goal is NaN
        if np.nanmax(np.abs(goal - self._held), initial=0.0) > 1e-9:
            return
        # At its goal. The joint may be stopped before it.
        self._lost_s += dt_s
        if self._lost_s > _PATIENCE_S or np.nanmax(np.abs(goal - position), initial=0.0) < _ARRIVED_RAD:
            self._way.popleft()
            self._lost_s = 0.0
