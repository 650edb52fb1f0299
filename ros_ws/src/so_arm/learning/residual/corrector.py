"""The residual on top of a base policy, as the robot and the evaluation call it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import ArrayLike

from so_arm.core.clock import CONTROL_PERIOD_S
from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES, NUM_JOINTS
from so_arm.core.policy_tick import PolicyTick
from so_arm.core.residual import Corrected, apply_correction
from so_arm.learning.residual import network_input
from so_arm.learning.residual.residual_folder import TrainedResidual, load_residual

#: Longer ago than this many ticks, the last position says nothing about the present rate.
_RATE_VALID_TICKS = 3.5


class Residual:
    """``base + bound * tanh(f)`` in normalised joint space, with f = 0 without a trained network.

    bound: (6,) share of each joint's half range, 0..1, as trained; 0 for the zero residual.
    """

    def __init__(self, trained: TrainedResidual | None = None) -> None:
        self._trained = trained
        self.feature_size = trained.estimator.feature_size if trained is not None else 0  #: 0: needs no features
        self.bound = np.array(trained.settings.bound) if trained is not None else np.zeros(NUM_JOINTS)
        self.limit(1.0)
        self.reset()

    @classmethod
    def load(cls, folder: Path | None, policy: Path | None = None, task: str | None = None) -> Residual:
        """The trained residual in `folder`; None: the zero residual, which returns the base action bit by bit.

        UserError when it was trained for another base than `policy`, or for another `task`; None: not asked.
        """
        return cls() if folder is None else cls(load_residual(folder, policy, task))

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
        self._previous: tuple[int, np.ndarray] | None = None
        self._known: tuple[np.ndarray, np.ndarray] | None = None

    def correct(self, tick: PolicyTick) -> Corrected:
        """Residual (6,) and action (6,) [rad]."""
        if self._trained is None:
            return apply_correction(tick.plan[0], np.zeros(NUM_JOINTS), self._limit)
        body = network_input.body(
            tick.position[None],
            self._rate(tick)[None],
            network_input.plan_ahead(tick.plan)[None],
            np.array([tick.step]),
        )
        with torch.inference_mode():
            f = self._trained.actor(torch.from_numpy(body), torch.from_numpy(self._places(tick)))[0]
        wanted = np.tanh(f.numpy().astype(np.float64)) * self.bound
        share = np.divide(wanted, self._limit, out=np.zeros(NUM_JOINTS), where=self._limit > 0.0)
        return apply_correction(tick.plan[0], np.clip(share, -1.0, 1.0), self._limit)

    def _rate(self, tick: PolicyTick) -> np.ndarray:
        """Change of position per control tick (6,) [rad]; 0 where the last position is missing or too old."""
        previous, self._previous = self._previous, (tick.stamp_ns, tick.position)
        if previous is None:
            return np.zeros(NUM_JOINTS)
        ticks = (tick.stamp_ns - previous[0]) * 1e-9 / CONTROL_PERIOD_S
        if not 0.0 < ticks <= _RATE_VALID_TICKS:
            return np.zeros(NUM_JOINTS)
        return (tick.position - previous[1]) / ticks

    def _places(self, tick: PolicyTick) -> np.ndarray:
        """Estimated places (1, 6) [m], computed once for the features of one chunk."""
        assert self._trained is not None
        if self._known is None or self._known[0] is not tick.features:
            self._known = tick.features, self._trained.estimator.places(tick.features[None])
        return self._known[1]
