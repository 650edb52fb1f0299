"""What a recorded episode tells of itself, whatever policy is judged on it: reward, label, latency, interventions."""

from __future__ import annotations

from typing import Any

import numpy as np

from so_arm.core.reward_trace import RewardTrace
from so_arm.core.statistics import percentiles
from so_arm.data.recordings.recording import RecordedFrames


def episode_facts(frames: RecordedFrames, reward: RewardTrace, fps: float) -> dict[str, Any]:
    """Ready for JSON; None stands for what the recording does not hold. fps: control rate [Hz]."""
    return {
        "name": frames.name,
        "task": frames.task,
        "ticks": len(frames),
        "seconds": len(frames) / fps,
        "success": frames.success,
        "predicted_success": reward.success,
        "reward": _reward(reward),
        "latency": _latency(frames, 1e3 / fps),
        "intervention": _intervention(frames),
    }


def _reward(reward: RewardTrace) -> dict[str, Any]:
    """The return counts ticks without a reward as nothing and says how many there are."""
    if reward.values is None:
        return {"source": reward.source, "return": None, "missing": None, "trace": None, "reason": reward.reason}
    return {
        "source": reward.source,
        "return": float(np.nansum(reward.values)),
        "missing": int(np.isnan(reward.values).sum()),
        "trace": reward.values.tolist(),
        "reason": reward.reason,
    }


def _latency(frames: RecordedFrames, period_ms: float) -> dict[str, Any] | None:
    """From the stamp of an observation to the command that answers it, against the control period."""
    if frames.latency_ms is None:
        return None
    answered = frames.latency_ms[~np.isnan(frames.latency_ms)]
    p50, p99, longest = percentiles(answered, (50.0, 99.0, 100.0))
    return {
        "period_ms": period_ms,
        "answered_share": len(answered) / len(frames),
        "p50_ms": p50,
        "p99_ms": p99,
        "max_ms": longest,
        "over_period_share": float((answered > period_ms).mean()) if len(answered) else float("nan"),
    }


def _intervention(frames: RecordedFrames) -> dict[str, Any] | None:
    """Share of the ticks with a person in control, and how often one took over in mid-episode."""
    if frames.intervention is None:
        return None
    begun = np.diff(frames.intervention.astype(int)) == 1
    return {"share": float(frames.intervention.mean()), "takeovers": int(begun.sum())}
