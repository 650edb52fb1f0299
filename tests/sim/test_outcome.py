import pytest

from so_arm.core.episode_phase import Phase
from so_arm.sim.outcome import FAILURES, Milestones


@pytest.mark.parametrize(
    ("milestones", "kind"),
    [
        (Milestones(closest_approach_m=0.1), "no_approach"),
        (Milestones(closest_approach_m=0.01), "missed_grasp"),
        (Milestones(closest_approach_m=0.1, touched=True), "missed_grasp"),
        (Milestones(0.0, True, True, lifted=False, target_distance_m=0.2), "dropped"),
        (Milestones(0.0, True, True, lifted=False, target_distance_m=0.05), "misplaced"),
        (Milestones(0.0, True, True, lifted=True, target_distance_m=0.05), "timeout"),
        (Milestones(0.0, True, True, lifted=False, target_distance_m=0.01, in_target=True), "timeout"),
    ],
)
def test_failure_kinds(milestones, kind):
    assert milestones.failure() == kind
    assert kind in FAILURES


@pytest.mark.parametrize(
    ("milestones", "phase"),
    [
        (Milestones(closest_approach_m=0.01), Phase.UNTOUCHED),
        (Milestones(0.0, touched=True, target_distance_m=0.01), Phase.TOUCHED),
        (Milestones(0.0, True, True, lifted=True, target_distance_m=0.2), Phase.LIFTED),
        (Milestones(0.0, True, True, lifted=False, target_distance_m=0.05), Phase.NEAR_TARGET),
    ],
)
def test_phases(milestones, phase):
    assert milestones.phase() is phase
