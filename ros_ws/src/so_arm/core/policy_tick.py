"""What a residual may look at: one control tick of a policy that is carried out."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from so_arm.core.chunk import TimelineStep


class PolicyTick(NamedTuple):
    """One control tick; nothing in it that a real arm does not have."""

    stamp_ns: int
    position: np.ndarray  #: (6,) [rad], measured
    plan: np.ndarray  #: (m, 6) [rad], the base's targets from this tick on; plan[0] is the base action
    step: int  #: index of plan[0] in its chunk
    features: np.ndarray  #: (k,) float32 of the observation that the chunk answers

    @classmethod
    def of(cls, stamp_ns: int, position: np.ndarray, step: TimelineStep) -> PolicyTick:
        """The joint positions (6,) [rad] at `stamp_ns`, and the step that answers them."""
        return cls(stamp_ns, position, step.plan, step.step, step.features)
