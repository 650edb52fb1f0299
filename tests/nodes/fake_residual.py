"""residual_corrector with a residual that needs neither torch nor a folder. Run as a script, it is the node.

The fake looks at everything that a residual may look at, so that anything wrong or stale changes what it says.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from so_arm.core.policy_tick import PolicyTick
from so_arm.core.residual import Corrected, apply_correction


class FakeResidual:
    feature_size = 1
    bound = np.full(6, 0.1)

    def __init__(self) -> None:
        self.limit(1.0)
        self.reset()

    @classmethod
    def load(cls, folder: Path | None, policy: Path | None = None, task: str | None = None) -> FakeResidual:
        return cls()

    def limit(self, bound: ArrayLike) -> None:
        self.limited = np.minimum(self.bound, bound)

    def reset(self) -> None:
        self._before: np.ndarray | None = None

    def correct(self, tick: PolicyTick) -> Corrected:
        moved = np.zeros(6) if self._before is None else tick.position - self._before
        self._before = tick.position
        f = 5.0 * moved + 0.1 * (tick.plan[-1] - tick.position) + 0.01 * tick.step + tick.features[0]
        return apply_correction(tick.plan[0], np.tanh(f), self.limited)


if __name__ == "__main__":
    from so_arm.nodes import residual_corrector

    residual_corrector.Residual = FakeResidual
    residual_corrector.main()
