"""Each rule fires on what it is for and says so, and not otherwise."""

import math

from tests.analysis.judged_episodes import SEEDS, episode, report_of, residual_side, starts, use

from so_arm.analysis.residual_report import Pair
from so_arm.core.episode_phase import Phase


def spread(count: int) -> set[int]:
    """Seeds without a pattern in place or turn."""
    return set(list(SEEDS)[:: len(SEEDS) // count][:count])


def test_nothing_left_to_improve():
    assert report_of(residual_side(set()))["advice"].startswith("All 120 episodes succeeded.")


def test_latency_is_not_advised_as_a_test_to_whom_has_done_it():
    late = Pair(residual_side(set()), residual_side(set()))
    assert "harder test (domain randomisation, policy latency)" in report_of(residual_side(set()))["advice"]
    assert "harder test (domain randomisation)" in report_of(residual_side(set()), delays=[(3, late)])["advice"]


def test_a_residual_that_does_nothing():
    idle = [episode(seed, "dropped" if seed in spread(6) else None, residual=use(rms=0.001)) for seed in SEEDS]
    assert "a residual that acts, because this one uses 0.1%" in report_of(idle)["advice"]
    assert "this is the zero residual" in report_of(idle, residual=None)["advice"]


def test_a_residual_that_breaks_much():
    failing = {seed for seed in SEEDS if seed % 3 == 1}  # the base fails on the others
    assert "it breaks 40 episodes and fixes 40" in report_of(residual_side(failing))["advice"]


def test_failures_in_one_region():
    there = {seed for seed, start in starts().items() if start.x_m > 0.24 and start.y_m > 0.05}
    advice = report_of(residual_side(there, phase=Phase.LIFTED))["advice"]
    assert (
        "What would help most: training more often with the object at x 0.24 to 0.29 m and y 0.05 to 0.10 m" in advice
    )
    assert f"{len(there)} of {len(there)} fail (0% elsewhere)" in advice


def test_failures_at_one_turn():
    turned = {seed for seed, start in starts().items() if 30 <= math.degrees(start.yaw_rad) % 90 < 45}
    assert "with the object turned by 30 to 45°" in report_of(residual_side(turned))["advice"]


def test_a_bound_that_is_too_small():
    advice = report_of(residual_side(spread(12), bad=use(saturated=0.8)))["advice"]
    assert "a larger bound for shoulder_pan, which is at its bound during 80% of the ticks of failed" in advice
    assert "a larger bound" not in report_of(residual_side(spread(12)))["advice"]


def test_the_phase_where_most_fail():
    advice = report_of(residual_side(spread(12)))["advice"]
    assert "the grasp" in advice and "12 of 12 failures touch the object but do not lift it" in advice
    assert "with the last progress after 2.0 s" in advice
    assert "training more often" not in advice


def test_latency_that_chance_explains():
    late = Pair(residual_side(spread(6)), residual_side(spread(6)))
    assert "late costs" not in report_of(residual_side(spread(3)), delays=[(1, late)])["advice"]


def test_latency_that_costs():
    late = Pair(residual_side(spread(30)), residual_side(spread(30)))
    advice = report_of(residual_side(set()), delays=[(4, late)])["advice"]
    assert advice.endswith(
        "answers 4 ticks (133 ms) late costs 25 points of success: train with that latency if the arm has it."
    )
