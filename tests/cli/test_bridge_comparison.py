"""Whether two success rates agree."""

from __future__ import annotations

import pytest

from so_arm.cli.bridge_comparison import compare, comparison_rows
from so_arm.core.episode import EpisodeResult


def results(successes: int, total: int = 20) -> list[EpisodeResult]:
    return [
        EpisodeResult(seed, seed < successes, 1.0, 10, None if seed < successes else "dropped", 0.3)
        for seed in range(total)
    ]


@pytest.mark.parametrize(("emulated", "bridge", "within"), [(12, 12, True), (12, 16, True), (3, 16, False)])
def test_one_rate_within_the_others_interval(emulated: int, bridge: int, within: bool):
    comparison = compare(results(emulated), results(bridge))
    assert comparison["within"] is within
    assert comparison["mujoco_bridge"]["success_rate"] == bridge / 20
    (_, rate), (_, verdict) = comparison_rows(comparison)
    assert rate.startswith(f"{bridge / 20:.1%}   (95 % interval")
    assert verdict == f"{'one' if within else 'neither'} lies within the other's interval"
