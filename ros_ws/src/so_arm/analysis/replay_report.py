"""The report of a replay: figures of all episodes together, and of two policies against each other."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from so_arm.analysis.replay_scores import ALL
from so_arm.core.joints import JOINT_NAMES
from so_arm.core.paths import from_here
from so_arm.core.statistics import mean, mean_interval
from so_arm.data.recordings.recording import Recording

Scores = Sequence[Mapping[str, Any]]  # of `replay_scores.score`, one per episode
Facts = Sequence[Mapping[str, Any]]  # of `replay_facts.episode_facts`, one per episode

#: What two policies are compared by: name in the report to where it is in the scores of an episode. Less is better.
COMPARED = {
    "chunk_error_mae_deg": ("chunk_error", "mae_deg"),
    "executed_error_mae_deg": ("executed_error", "mae_deg"),
    "jerk_deg_s3": ("jerk", "predicted_deg_s3"),
    "jump_at_joins_deg": ("jumps", "at_joins_mean_deg"),
}
#: Digits after the point in the report; finer than any of its figures means.
_DIGITS = 6


def settings_of(
    recording: Recording,
    policies: Sequence[Path],
    residual: Path | None,
    reward: str | None,
    episodes: Sequence[int],
    delay: int = 0,
) -> dict[str, Any]:
    """What is judged, how. reward: source of the computed one; None: the recorded one. delay: in control periods."""
    return {
        "recording": from_here(recording.path),
        "policies": [from_here(policy) for policy in policies],
        "residual": None if residual is None else from_here(residual),
        "reward": reward,
        "episodes": list(episodes),
        "delay": delay,
        "fps": recording.fps,
        "cameras": list(recording.cameras),
    }


def build_report(settings: Mapping[str, Any], facts: Facts, scores: Mapping[str, Scores]) -> dict[str, Any]:
    """Ready for JSON, and the same for the same recording and policies: no dates, no timing.

    settings: `settings_of`. scores: policy to the scores of its episodes, in the order of `facts`.
    """
    policies = [
        {"policy": name, "summary": summarise(episodes), "episodes": list(episodes)}
        for name, episodes in scores.items()
    ]
    report: dict[str, Any] = {
        "settings": dict(settings),
        "recording": {"summary": _recorded(facts), "episodes": list(facts)},
        "policies": policies,
        "comparison": compare(*scores.values()) if len(scores) == 2 else None,
    }
    rounded: dict[str, Any] = _rounded(report)
    return rounded


def summarise(episodes: Scores) -> dict[str, Any]:
    """All episodes together: each counts as much as any other, but for maxima, counts and the error by step."""
    summary: dict[str, Any] = {
        "episodes": len(episodes),
        "chunks": sum(episode["chunks"] for episode in episodes),
        "joins": sum(episode["jumps"]["joins"] for episode in episodes),
        "error_by_step": _steps_together([episode["error_by_step"] for episode in episodes]),
    }
    for group in ("chunk_error", "executed_error", "jerk", "jumps", "residual"):
        rows = {key: [episode[group][key] for episode in episodes] for key in episodes[0][group] if key != "joins"}
        summary[group] = {key: _together(each, max if "max" in key else mean) for key, each in rows.items()}
    for share in ("without_chunk_share", "without_fresh_chunk_share"):
        summary[share] = mean([episode[share] for episode in episodes])
    return summary


def compare(first: Scores, second: Scores) -> dict[str, Any]:
    """Second policy - first one, paired by episode: mean difference with its 95 % bootstrap interval, by joint."""
    found: dict[str, Any] = {"episodes": len(first)}
    for name, (group, key) in COMPARED.items():
        pairs = [(one[group][key], other[group][key]) for one, other in zip(first, second, strict=True)]
        found[name] = {joint: _paired([two[joint] - one[joint] for one, two in pairs]) for joint in (*JOINT_NAMES, ALL)}
    return found


def _paired(differences: list[float]) -> dict[str, Any]:
    """An interval takes two episodes at least."""
    known = [value for value in differences if not math.isnan(value)]
    interval = list(mean_interval(known)) if len(known) > 1 else None
    return {"mean": mean(known), "ci95": interval, "episodes": len(known)}


def _together(rows: Sequence[Mapping[str, float]], reduce: Callable[[list[float]], float]) -> dict[str, float]:
    """By joint, over the episodes that have the figure."""
    known = {name: [row[name] for row in rows if not math.isnan(row[name])] for name in (*JOINT_NAMES, ALL)}
    return {name: reduce(values) if values else math.nan for name, values in known.items()}


def _steps_together(episodes: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Over all chunks of all episodes; a late step falls into fewer of them."""
    longest = max(len(episode["count"]) for episode in episodes)
    count = np.sum([_filled(episode["count"], longest) for episode in episodes], axis=0)
    return {
        "count": count.astype(int).tolist(),
        "mae_deg": {name: _pool(episodes, "mae_deg", name, count, 1) for name in (*JOINT_NAMES, ALL)},
        "rmse_deg": {name: _pool(episodes, "rmse_deg", name, count, 2) for name in (*JOINT_NAMES, ALL)},
    }


def _pool(episodes: Sequence[Mapping[str, Any]], key: str, name: str, count: np.ndarray, power: int) -> list[float]:
    """Mean (power 1) or root mean square (power 2) by step, weighted by the counts of the episodes."""
    total = sum(
        _filled(episode["count"], len(count)) * _filled(episode[key][name], len(count)) ** power for episode in episodes
    )
    pooled: list[float] = ((total / count) ** (1 / power)).tolist()
    return pooled


def _filled(values: Sequence[float], length: int) -> np.ndarray:
    filled = np.zeros(length)
    filled[: len(values)] = values
    return filled


def _recorded(facts: Facts) -> dict[str, Any]:
    """The recording as a whole; None for what no episode holds."""
    returns = [fact["reward"]["return"] for fact in facts if fact["reward"]["return"] is not None]
    return {
        "episodes": len(facts),
        "ticks": sum(fact["ticks"] for fact in facts),
        "seconds": sum(fact["seconds"] for fact in facts),
        "mean_return": mean(returns) if returns else None,
        "success": _agreement(facts),
        "latency": _latency([fact["latency"] for fact in facts if fact["latency"] is not None]),
        "intervention": _intervention([fact["intervention"] for fact in facts if fact["intervention"] is not None]),
    }


def _latency(episodes: Facts) -> dict[str, Any] | None:
    """Means over the episodes, and the longest of all."""
    if not episodes:
        return None
    answered = [each for each in episodes if each["answered_share"] > 0.0]
    means = {key: mean([each[key] for each in answered]) for key in ("p50_ms", "p99_ms", "over_period_share")}
    return {
        "period_ms": episodes[0]["period_ms"],
        "answered_share": mean([each["answered_share"] for each in episodes]),
        **means,
        "max_ms": max((each["max_ms"] for each in answered), default=math.nan),
    }


def _intervention(episodes: Facts) -> dict[str, Any] | None:
    if not episodes:
        return None
    takeovers = sum(each["takeovers"] for each in episodes)
    return {"share": mean([each["share"] for each in episodes]), "takeovers": takeovers}


def _agreement(facts: Facts) -> dict[str, Any]:
    """What the reward source says of success at the end of each episode against the label of the recording."""
    labels = [fact["success"] for fact in facts if fact["success"] is not None]
    pairs = [
        (fact["predicted_success"], fact["success"])
        for fact in facts
        if fact["success"] is not None and fact["predicted_success"] is not None
    ]
    if labels:
        reasons = sorted({fact["reward"]["reason"] for fact in facts} - {""})
    else:
        reasons = ["the recording has no label of success"]
    return {
        "labelled": len(labels),
        "labelled_successes": sum(labels),
        "compared": len(pairs),
        "both_success": sum(predicted and label for predicted, label in pairs),
        "both_failure": sum(not predicted and not label for predicted, label in pairs),
        "only_predicted": sum(predicted and not label for predicted, label in pairs),
        "only_labelled": sum(label and not predicted for predicted, label in pairs),
        "accuracy": mean([predicted == label for predicted, label in pairs]) if pairs else None,
        "reason": "" if pairs else "; ".join(reasons),
    }


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return round(value, _DIGITS) if isinstance(value, float) else value
