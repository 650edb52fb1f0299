"""The residual on top of a base policy, as the robot and the evaluation call it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES, NUM_JOINTS
from so_arm.core.policy_tick import PolicyTick
from so_arm.core.residual import Corrected, apply_correction

if TYPE_CHECKING:
    from so_arm.learning.residual.inference import Inference
    from so_arm.learning.residual.residual_folder import TrainedResidual


class Residual:
    """``base + bound * tanh(f)`` in normalised joint space, with f = 0 without a trained network.

    bound: (6,) share of each joint's half range, 0..1, as trained; 0 for the zero residual.
    in_force: (6,) the same, as `limit` narrowed it.
    """

    def __init__(self, trained: TrainedResidual | None = None) -> None:
        self._network: Inference | None = None
        self.feature_size = 0  #: 0: needs no features
        self.bound: np.ndarray = np.zeros(NUM_JOINTS)
        if trained is not None:
            from so_arm.learning.residual.inference import Inference  # torch takes seconds to import

            self._network = Inference(trained)
            self.feature_size = trained.estimator.feature_size
            self.bound = np.array(trained.settings.bound)
        self.limit(1.0)

    @classmethod
    def load(cls, folder: Path | None, policy: Path | None = None, task: str | None = None) -> Residual:
        """The trained residual in `folder`; None: the zero residual, which returns the base action bit by bit.

        UserError when it was trained for another base than `policy`, or for another `task`; None: not asked.
        """
        if folder is None:
            return cls()
        from so_arm.learning.residual.residual_folder import load_residual

        return cls(load_residual(folder, policy, task))

    def limit(self, bound: ArrayLike) -> None:
        """Narrow the bound: corrections stay within this one and the trained one. Scalar or (6,); 1.0 = as trained."""
        values = np.atleast_1d(np.asarray(bound, dtype=np.float64))
        if values.shape not in ((1,), (NUM_JOINTS,)):
            raise UserError(f"bound has {values.size} values, expected 1 or {NUM_JOINTS}: {', '.join(JOINT_NAMES)}")
        if not all(0.0 <= value <= 1.0 for value in values):
            raise UserError(f"bound is {values.tolist()}, expected 0.0 to 1.0 for every joint")
        self.in_force = np.minimum(self.bound, values)

    def reset(self) -> None:
        """A new episode."""
        if self._network is not None:
            self._network.reset()

    def correct(self, tick: PolicyTick) -> Corrected:
        """Residual (6,) and action (6,) [rad]."""
        if self._network is None:
            return apply_correction(tick.plan[0], np.zeros(NUM_JOINTS), self.in_force)
        wanted = self._network(tick) * self.bound
        share = np.divide(wanted, self.in_force, out=np.zeros(NUM_JOINTS), where=self.in_force > 0.0)
        return apply_correction(tick.plan[0], np.clip(share, -1.0, 1.0), self.in_force)
