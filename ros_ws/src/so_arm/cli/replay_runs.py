"""Policies on recorded episodes: what is to be judged, checked in full, and the run itself."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from so_arm.core.errors import UserError
from so_arm.core.paths import from_here

if TYPE_CHECKING:
    import numpy as np

    from so_arm.core.chunk import ChunkTimeline
    from so_arm.core.predictions import Predictions
    from so_arm.core.reward_trace import RewardTrace
    from so_arm.data.recordings.recording import RecordedFrames, Recording
    from so_arm.learning.controller import Prediction
    from so_arm.learning.policy import LoadedPolicy
    from so_arm.learning.residual.corrector import Residual
    from so_arm.rewards.registry import RewardFunction

Progress = Callable[[], None]  # called after each episode of each policy


class TimedPolicy:
    """A policy that notes how long each of its chunks took."""

    def __init__(self, policy: LoadedPolicy) -> None:
        self._policy = policy
        self.camera_names = policy.camera_names
        self.feature_size = policy.feature_size
        self.chunk_ms: list[float] = []

    def predict(self, state_rad: np.ndarray, images: dict[str, np.ndarray]) -> Prediction:
        begun = time.perf_counter()
        prediction = self._policy.predict(state_rad, images)
        self.chunk_ms.append(1e3 * (time.perf_counter() - begun))
        return prediction

    def reset(self) -> None:
        self._policy.reset()


@dataclass(frozen=True, eq=False)
class Candidate:
    """A policy that is judged, by its folder as seen from here."""

    name: str
    policy: TimedPolicy
    timeline: ChunkTimeline


@dataclass(eq=False)
class Judged:
    """What came of the episodes so far, in their order; per policy in the order of the candidates."""

    frames: list[RecordedFrames] = field(default_factory=list)
    rewards: list[RewardTrace] = field(default_factory=list)
    facts: list[dict[str, Any]] = field(default_factory=list)
    predictions: dict[str, list[Predictions]] = field(default_factory=dict)
    scores: dict[str, list[dict[str, Any]]] = field(default_factory=dict)


def load_candidates(folders: Sequence[Path], recording: Recording) -> list[Candidate]:
    """Each policy with its own chunk settings; UserError for one that does not fit the recording."""
    from so_arm.core.chunk_settings import ChunkSettings
    from so_arm.learning.policy import load_policy
    from so_arm.learning.policy_fit import check_fit

    candidates = []
    for folder in folders:
        policy = load_policy(folder, threads=1)  # more threads would change the last bits
        try:
            check_fit(folder, policy, recording.fps, recording.cameras)
        except UserError as error:
            raise UserError(f"recording {recording.path}: {error}") from None
        timeline = ChunkSettings.of_policy(folder).timeline(recording.fps)
        candidates.append(Candidate(from_here(folder), TimedPolicy(policy), timeline))
    return candidates


def judge(
    recording: Recording,
    episodes: Sequence[int],
    candidates: Sequence[Candidate],
    residual: Residual,
    reward: RewardFunction | None,
    delay: int,
    progress: Progress,
) -> Judged:
    """Every candidate on every episode. reward: None for the one that was recorded."""
    from so_arm.analysis.replay_facts import episode_facts
    from so_arm.analysis.replay_scores import score
    from so_arm.core.residual import residual_scale_rad
    from so_arm.learning.replay import replay
    from so_arm.learning.replay_reward import computed_reward, recorded_reward

    judged = Judged(predictions={each.name: [] for each in candidates}, scores={each.name: [] for each in candidates})
    for index in episodes:
        frames = recording.episode(index)
        trace = recorded_reward(frames) if reward is None else computed_reward(frames, reward)
        judged.frames.append(frames)
        judged.rewards.append(trace)
        judged.facts.append(episode_facts(frames, trace, recording.fps))
        for each in candidates:
            predictions = replay(frames, each.policy, each.timeline, residual, delay)
            bound_rad = residual_scale_rad(residual.bound)
            judged.predictions[each.name].append(predictions)
            judged.scores[each.name].append(score(frames, predictions, recording.fps, bound_rad))
            progress()
    return judged


def timing_of(judged: Judged, candidates: Sequence[Candidate], took_s: float, fps: float) -> dict[str, Any]:
    """Wall-clock figures, which differ from run to run and are therefore no part of the report."""
    from so_arm.core.provenance import machine
    from so_arm.core.statistics import percentiles

    chunks = {}
    for each in candidates:
        p50, p99, longest = percentiles(each.policy.chunk_ms, (50.0, 99.0, 100.0))
        chunks[each.name] = {"chunks": len(each.policy.chunk_ms), "p50_ms": p50, "p99_ms": p99, "max_ms": longest}
    recorded_s = sum(fact["seconds"] for fact in judged.facts)
    return {
        "recorded_s": recorded_s,
        "took_s": took_s,
        "times_real_time": recorded_s * len(candidates) / took_s,
        "period_ms": 1e3 / fps,
        "chunk": chunks,
        "machine": machine(),
    }


def page_of(report: dict[str, Any], timing: dict[str, Any], judged: Judged) -> str:
    """The page as HTML text."""
    from so_arm.analysis.replay_page import ShownEpisode, replay_page, shown_episodes

    shown = []
    for place, why in shown_episodes(report).items():
        answers = {name: predictions[place] for name, predictions in judged.predictions.items()}
        shown.append(ShownEpisode(why, judged.frames[place], judged.rewards[place], answers))
    return replay_page(report, timing, shown)


def chosen_episodes(text: str | None, total: int) -> list[int]:
    """The episodes that e.g. "0,3-5" names, in order and once each; None: all `total`."""
    if text is None:
        return list(range(total))
    found: set[int] = set()
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)\s*(?:-\s*(\d+)\s*)?", part)
        if match is None:
            raise UserError(f"--episodes {text}: '{part}' is neither a number nor a range; e.g. 0,3-5")
        first = int(match[1])
        last = int(match[2] or first)
        if last < first:
            raise UserError(f"--episodes {text}: {first}-{last} goes backwards")
        if last >= total:
            raise UserError(f"--episodes {text}: there is no episode {last}; there are {total}, numbered from 0")
        found.update(range(first, last + 1))
    return sorted(found)
