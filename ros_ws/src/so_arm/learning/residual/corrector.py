"""The residual on top of a base policy, as the robot and the evaluation call it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES, NUM_JOINTS
from so_arm.core.residual import Corrected, apply_residual

#: Share of each joint's half range; about 0.05 to 0.1 is usual in residual reinforcement learning.
DEFAULT_BOUND = 0.05


class Residual:
    """``base + bound * tanh(f)`` in normalised joint space, with f = 0 until a network is trained.

    bound: (6,) share of each joint's half range, 0..1.
    """

    def __init__(self, bound: Sequence[float] | float = DEFAULT_BOUND) -> None:
        self.set_bound(bound)

    @classmethod
    def load(cls, folder: Path | None, bound: Sequence[float] | float = DEFAULT_BOUND) -> Residual:
        """The trained residual in `folder`; None: the zero residual, which returns the base action bit by bit."""
        if folder is None:
            return cls(bound)
        if not folder.is_dir():
            raise UserError(f"residual {folder} does not exist; leave it out for the zero residual")
        raise UserError(f"residual {folder} holds no trained residual; leave it out for the zero residual")

    def set_bound(self, bound: Sequence[float] | float) -> None:
        """One bound for all joints, or one per joint."""
        values = np.atleast_1d(np.asarray(bound, dtype=np.float64))
        if values.shape not in ((1,), (NUM_JOINTS,)):
            raise UserError(f"bound has {values.size} values, expected 1 or {NUM_JOINTS}: {', '.join(JOINT_NAMES)}")
        if not all(0.0 <= value <= 1.0 for value in values):
            raise UserError(f"bound is {values.tolist()}, expected 0.0 to 1.0 for every joint")
        self.bound = np.broadcast_to(values, (NUM_JOINTS,))

    def correct(self, state_rad: np.ndarray, base: np.ndarray) -> Corrected:
        """Joint positions (6,) and base action (6,) to (residual (6,), action (6,)), all [rad]."""
        return apply_residual(base, self._network(state_rad, base), self.bound)

    def _network(self, state_rad: np.ndarray, base: np.ndarray) -> np.ndarray:
        """f (6,)."""
        return np.zeros(NUM_JOINTS)
