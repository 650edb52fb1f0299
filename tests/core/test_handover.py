import numpy as np
import pytest

from so_arm.core.handover import Handover, step_together


def test_targets_pass_until_it_starts_and_after_it_was_met() -> None:
    handover = Handover(0.1)
    assert handover.step([5.0, 5.0]) == [5.0, 5.0]
    handover.start([0.0, 0.0])
    assert [handover.step([0.25, -0.05]) for _ in range(3)] == [
        pytest.approx([0.1, -0.05]),
        pytest.approx([0.2, -0.05]),
        [0.25, -0.05],
    ]
    assert not handover.active
    assert handover.step([9.0, 9.0]) == [9.0, 9.0]


def test_a_moving_target_is_followed_until_all_joints_meet_it_at_once() -> None:
    handover = Handover(0.1)
    handover.start([0.0, 0.0])
    poses = [handover.step([0.3, 0.3 * k]) for k in range(3)]
    assert np.abs(np.diff([[0.0, 0.0], *poses], axis=0)).max() <= 0.1 + 1e-12
    assert handover.active
    handover.stop()
    assert handover.step([1.0, 1.0]) == [1.0, 1.0]


def test_the_pose_given_is_not_changed() -> None:
    pose = [0.0, 0.0]
    handover = Handover(0.1)
    handover.start(pose)
    handover.step([1.0, 1.0])
    assert pose == [0.0, 0.0]


def test_joints_step_together_on_a_straight_line() -> None:
    pose, target = [0.0, 1.0, 0.5], [1.0, 0.5, 0.5]
    assert step_together(pose, target, 0.1) == pytest.approx([0.1, 0.95, 0.5])
    steps = 0
    while pose != target:
        pose = step_together(pose, target, 0.1)
        steps += 1
    assert steps in (10, 11)
