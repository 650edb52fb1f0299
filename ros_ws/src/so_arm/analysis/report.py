"""The report of an evaluation as plain data: rates, means and one row per episode."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from so_arm.core.episode import EpisodeResult
from so_arm.core.statistics import mean, wilson_interval

_ROW = ("seed", "success", "reward", "steps", "failure")


def build_report(results: Sequence[EpisodeResult], meta: Mapping[str, Any]) -> dict[str, Any]:
    """JSON-ready report; `meta` says what was evaluated, where and by which command.

    success_ci95: Wilson interval (low, high). mean_reward: mean of the episodes' sums. failures: count per kind.
    """
    successes = sum(result.success for result in results)
    return {
        "success_rate": mean([result.success for result in results]),
        "success_ci95": list(wilson_interval(successes, len(results))),
        "mean_reward": mean([result.reward for result in results]),
        "mean_steps": mean([result.steps for result in results]),
        "failures": failure_counts(results),
        "episodes": [{key: getattr(result, key) for key in _ROW} for result in results],
        "meta": dict(meta),
    }


def failure_counts(results: Sequence[EpisodeResult]) -> dict[str, int]:
    """Failed episodes by kind, the most frequent first."""
    return dict(Counter(result.failure for result in results if result.failure is not None).most_common())
