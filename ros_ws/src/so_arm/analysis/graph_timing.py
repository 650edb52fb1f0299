"""How fast the node graph answered and whether the simulation kept up with the clock."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from so_arm.core.episode_record import NO_ANSWER, EpisodeRecord
from so_arm.core.statistics import percentiles


def graph_timing(records: Sequence[EpisodeRecord], fps: float) -> dict[str, float | int]:
    """Figures over all ticks of all episodes.

    latency: from publishing an observation to the arrival of the command that answers it [ms]. unanswered: ticks
    without such a command. real_time_factor: simulated time over wall time, NaN for episodes of a single tick.
    """
    latency_ns = np.concatenate([record.latency_ns for record in records]) if records else np.empty(0)
    answered = latency_ns[latency_ns != NO_ANSWER]
    p50, p99 = percentiles(answered / 1e6)
    simulated_s = sum(len(record.wall_ns) - 1 for record in records) / fps
    wall_s = sum(int(record.wall_ns[-1] - record.wall_ns[0]) for record in records) / 1e9
    return {
        "latency_p50_ms": p50,
        "latency_p99_ms": p99,
        "unanswered": int(latency_ns.size - answered.size),
        "ticks": int(latency_ns.size),
        "real_time_factor": simulated_s / wall_s if wall_s > 0 else float("nan"),
    }
