import math

import numpy as np
import pytest

from so_arm.analysis.graph_timing import graph_timing
from so_arm.core.episode_record import NO_ANSWER, EpisodeRecord


def record(latency_ns: list[int], wall_ns: list[int]) -> EpisodeRecord:
    ticks = len(latency_ns)
    return EpisodeRecord(
        snapshots=np.zeros((ticks + 1, 3)),
        joint_position=np.zeros((ticks, 6)),
        action=np.zeros((ticks, 6)),
        reward=np.zeros(ticks),
        stamp_ns=np.arange(ticks),
        latency_ns=np.array(latency_ns),
        wall_ns=np.array(wall_ns),
    )


def test_figures_span_all_episodes_and_leave_out_unanswered_ticks():
    timing = graph_timing(
        [
            record([1_000_000, 3_000_000, NO_ANSWER], [0, 50_000_000, 100_000_000]),
            record([2_000_000, 2_000_000], [10**12, 10**12 + 100_000_000]),
        ],
        fps=30,
    )
    assert timing["latency_p50_ms"] == pytest.approx(2.0)
    assert (timing["unanswered"], timing["ticks"]) == (1, 5)
    assert timing["real_time_factor"] == pytest.approx((3 / 30) / 0.2)


def test_nothing_measured_is_no_number():
    timing = graph_timing([], fps=30)
    assert math.isnan(timing["latency_p99_ms"]) and math.isnan(timing["real_time_factor"])
