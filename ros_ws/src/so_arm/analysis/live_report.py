"""The report of episodes that were replayed through the live graph, as `so-arm replay-eval` builds its own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from so_arm.analysis.replay_facts import episode_facts
from so_arm.analysis.replay_report import build_report, settings_of
from so_arm.analysis.replay_scores import score
from so_arm.core.predictions import Predictions
from so_arm.core.reward_trace import RewardTrace
from so_arm.data.recordings.recording import RecordedFrames, Recording


class LiveReport:
    """policy, residual: folders; residual and reward may be None. bound_rad: (6,) of the residual."""

    def __init__(
        self, recording: Recording, policy: Path, residual: Path | None, reward: str | None, bound_rad: np.ndarray
    ) -> None:
        self._recording, self._policy, self._residual, self._reward = recording, policy, residual, reward
        self._bound_rad = bound_rad
        self._facts: list[dict[str, Any]] = []
        self._scores: list[dict[str, Any]] = []

    def add(self, frames: RecordedFrames, predictions: Predictions, reward: RewardTrace) -> None:
        """The next episode of the recording."""
        fps = self._recording.fps
        self._facts.append(episode_facts(frames, reward, fps))
        self._scores.append(score(frames, predictions, fps, self._bound_rad))

    def build(self) -> dict[str, Any]:
        """Ready for JSON, after at least one episode."""
        episodes = range(len(self._facts))
        settings = settings_of(self._recording, [self._policy], self._residual, self._reward, episodes)
        return build_report(settings, self._facts, {settings["policies"][0]: self._scores})
