"""The report of episodes that were replayed through the live graph, as `so-arm replay-eval` builds its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from so_arm.analysis.replay_facts import episode_facts
from so_arm.analysis.replay_report import build_report
from so_arm.analysis.replay_scores import score
from so_arm.core.predictions import Predictions
from so_arm.core.reward_trace import RewardTrace
from so_arm.data.recordings.recording import RecordedFrames, Recording


class LiveReport:
    """policy, residual: folders; residual and reward may be empty. bound_rad: (6,) of the residual."""

    def __init__(self, recording: Recording, policy: str, residual: str, reward: str, bound_rad: np.ndarray) -> None:
        self._recording, self._policy, self._residual, self._reward = recording, _from_here(policy), residual, reward
        self._bound_rad = bound_rad
        self._facts: list[dict[str, Any]] = []
        self._scores: list[dict[str, Any]] = []

    def add(self, frames: RecordedFrames, predictions: Predictions, reward: RewardTrace) -> None:
        fps = self._recording.fps
        self._facts.append(episode_facts(frames, reward, fps))
        self._scores.append(score(frames, predictions, fps, self._bound_rad))

    def build(self) -> dict[str, Any]:
        """Ready for JSON, after at least one episode."""
        settings = {
            "recording": _from_here(str(self._recording.path)),
            "policies": [self._policy],
            "residual": _from_here(self._residual) if self._residual else None,
            "reward": self._reward or None,
            "episodes": list(range(len(self._facts))),
            "delay": 0,
            "fps": self._recording.fps,
            "cameras": list(self._recording.cameras),
        }
        return build_report(settings, self._facts, {self._policy: self._scores})


def _from_here(given: str) -> str:
    """As `so-arm replay-eval` writes paths into its report."""
    path = Path(given).expanduser().resolve()
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
