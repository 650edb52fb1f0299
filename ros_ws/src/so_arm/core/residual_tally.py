"""Episodes with and without a residual, as somebody sees them who only listens."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from so_arm.core.episode_info import SUCCESS, EpisodeInfo

BASE, CORRECTED, SWITCHED = "base", "base + residual", "switched"
#: A switch between two episodes may come a few ticks late; from this share of the ticks on it was one of the two.
_CLEAR = 0.9


@dataclass(frozen=True)
class Turn:
    """An episode that has ended. mode: one of the three above. steps: control ticks."""

    seed: int
    mode: str
    success: bool
    outcome: str
    reward: float
    steps: int

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


class ResidualTally:
    """Call `begin`, `tick` for every executed action, and `end`; `won` and `tried` count episodes by mode."""

    def __init__(self) -> None:
        self.won: Counter[str] = Counter()
        self.tried: Counter[str] = Counter()
        self.begin()

    def begin(self) -> None:
        self._ticks = self._corrected = 0

    def tick(self, residual: np.ndarray) -> None:
        """residual: (6,) [rad], as applied; exactly zero when it is off."""
        self._ticks += 1
        self._corrected += bool(np.any(residual))

    def end(self, info: EpisodeInfo) -> Turn:
        """info: of the episode that has ended."""
        mode, success = self._mode(), info.outcome == SUCCESS
        self.tried[mode] += 1
        self.won[mode] += success
        outcome = SUCCESS if success else info.failure or info.outcome
        return Turn(info.seed, mode, success, outcome.replace("_", " "), info.reward, info.steps)

    def line(self, turn: Turn) -> str:
        """`turn`, which was the last one, and the rates so far, for people."""
        return (
            f"episode {sum(self.tried.values()):>3}  seed {turn.seed}  {turn.mode:<15}  {turn.outcome:<12}"
            f"  reward {turn.reward:8.1f}  {turn.steps:3d} steps  {self.rates()}"
        )

    def rates(self) -> str:
        """Successes so far of each mode that was tried."""
        modes = [mode for mode in (BASE, CORRECTED) if self.tried[mode]]
        return ", ".join(f"{mode} {self.won[mode]} of {self.tried[mode]}" for mode in modes)

    def _mode(self) -> str:
        share = self._corrected / self._ticks if self._ticks else 0.0
        if share >= _CLEAR:
            return CORRECTED
        return BASE if share <= 1.0 - _CLEAR else SWITCHED
