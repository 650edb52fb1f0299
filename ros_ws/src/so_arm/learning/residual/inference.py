"""A trained residual's networks on one control tick after the other."""

from __future__ import annotations

import numpy as np
import torch

from so_arm.core.clock import CONTROL_PERIOD_S
from so_arm.core.joints import NUM_JOINTS
from so_arm.core.policy_tick import PolicyTick
from so_arm.learning.residual import network_input
from so_arm.learning.residual.residual_folder import TrainedResidual

#: Longer ago than this many ticks, the last position says nothing about the present rate.
_RATE_VALID_TICKS = 3.5


class Inference:
    """Remembers the last position, for its rate, and the places that the present features tell."""

    def __init__(self, trained: TrainedResidual) -> None:
        self._actor, self._estimator = trained.actor, trained.estimator
        self.reset()
        nothing = np.zeros(trained.estimator.feature_size, np.float32)
        self(PolicyTick(0, np.zeros(NUM_JOINTS), np.zeros((1, NUM_JOINTS)), 0, nothing))  # a first call is slow
        self.reset()

    def reset(self) -> None:
        """A new episode."""
        self._previous: tuple[int, np.ndarray] | None = None
        self._known: tuple[np.ndarray, np.ndarray] | None = None

    def __call__(self, tick: PolicyTick) -> np.ndarray:
        """tanh(f), (6,)."""
        body = network_input.body(
            tick.position[None],
            self._rate(tick)[None],
            network_input.plan_ahead(tick.plan)[None],
            np.array([tick.step]),
        )
        with torch.inference_mode():
            f = self._actor(torch.from_numpy(body), torch.from_numpy(self._places(tick)))[0]
        correction: np.ndarray = np.tanh(f.numpy().astype(np.float64))
        return correction

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
        if self._known is None or self._known[0] is not tick.features:
            self._known = tick.features, self._estimator.places(tick.features[None])
        return self._known[1]
