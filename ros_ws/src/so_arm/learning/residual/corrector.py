"""The residual on top of a base policy, as the robot and the evaluation call it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES, NUM_JOINTS
from so_arm.core.policy_tick import PolicyTick
from so_arm.core.residual import Corrected, apply_residual


class Residual:
    """``base + bound * tanh(f)`` in normalised joint space, with f = 0 until a network is trained.

    bound: (6,) share of each joint's half range, 0..1, as trained; 0 for the zero residual.
    """

    feature_size = 0  #: 0: needs no features

    def __init__(self) -> None:
        self.bound = np.zeros(NUM_JOINTS)
        self.limit(1.0)

    @classmethod
    def load(cls, folder: Path | None, policy: Path | None = None, task: str | None = None) -> Residual:
        """The trained residual in `folder`; None: the zero residual, which returns the base action bit by bit.

        UserError when it was trained for another base than `policy`, or for another `task`; None: not asked.
        """
        if folder is None:
            return cls()
        if not folder.is_dir():
            raise UserError(f"residual {folder} does not exist; leave it out for the zero residual")
        raise UserError(f"residual {folder} holds no trained residual; leave it out for the zero residual")

    def limit(self, bound: ArrayLike) -> None:
        """Narrow the bound: corrections stay within this one and the trained one. Scalar or (6,); 1.0 = as trained."""
        values = np.atleast_1d(np.asarray(bound, dtype=np.float64))
        if values.shape not in ((1,), (NUM_JOINTS,)):
            raise UserError(f"bound has {values.size} values, expected 1 or {NUM_JOINTS}: {', '.join(JOINT_NAMES)}")
        if not all(0.0 <= value <= 1.0 for value in values):
            raise UserError(f"bound is {values.tolist()}, expected 0.0 to 1.0 for every joint")
        self._limit = np.minimum(self.bound, values)

    def reset(self) -> None:
        """A new episode."""

    def correct(self, tick: PolicyTick) -> Corrected:
        """Residual (6,) and action (6,) [rad]."""
        return apply_residual(tick.plan[0], np.zeros(NUM_JOINTS), self._limit)
