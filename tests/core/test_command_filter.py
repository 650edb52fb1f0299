import math
import timeit

import numpy as np
import pytest

from so_arm.core.command_filter import CommandFilter
from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES, LOWER_RAD, MAX_VELOCITY_RAD_S, UPPER_RAD

PERIOD_S = 1 / 30
HOME = np.zeros(6)


def make_filter(stale_after_ns: int = 0) -> CommandFilter:
    command_filter = CommandFilter(LOWER_RAD, UPPER_RAD, MAX_VELOCITY_RAD_S, PERIOD_S, stale_after_ns)
    command_filter.reset(HOME)
    return command_filter


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("joint", range(6))
def test_a_non_finite_command_never_passes(bad: float, joint: int) -> None:
    command_filter = make_filter()
    command_filter.apply(np.full(6, 0.01))
    command = np.full(6, 0.02)
    command[joint] = bad
    position, reasons = command_filter.apply(command)
    assert np.array_equal(position, np.full(6, 0.01))
    assert reasons == (f"{JOINT_NAMES[joint]} is not finite",)
    position, reasons = command_filter.apply(np.full(6, 0.02))
    assert np.array_equal(position, np.full(6, 0.02))
    assert reasons == ()


def test_nan_in_limits_and_measured_pose_is_refused() -> None:
    bad = np.array([0, 0, math.nan, 0, 0, 0])
    with pytest.raises(UserError, match="lower limits: elbow_flex is nan"):
        CommandFilter(bad, UPPER_RAD, MAX_VELOCITY_RAD_S, PERIOD_S)
    with pytest.raises(UserError, match="measured pose: elbow_flex is nan"):
        make_filter().reset(bad)


def test_a_good_command_passes_unchanged_as_a_copy() -> None:
    command = np.array([0.1, -0.1, 0.05, 0.0, 0.1, 0.02])
    position, reasons = make_filter().apply(command)
    assert np.array_equal(position, command)
    assert position is not command
    assert reasons == ()


def test_position_and_velocity_limits_are_named_with_their_joint() -> None:
    command_filter = CommandFilter(LOWER_RAD, UPPER_RAD, np.full(6, 1e3), PERIOD_S)
    command_filter.reset(HOME)
    position, reasons = command_filter.apply([3.0, 0, 0, 0, 0, -1.0])
    assert position[0] == UPPER_RAD[0]
    assert position[5] == LOWER_RAD[5]
    assert reasons == ("shoulder_pan beyond its upper limit", "gripper beyond its lower limit")

    step = MAX_VELOCITY_RAD_S[1] * PERIOD_S
    command_filter = make_filter()
    for count in (1, 2):
        position, reasons = command_filter.apply([0, 1.5, 0, 0, 0, 0])
        assert position[1] == pytest.approx(count * step)
        assert reasons == ("shoulder_lift faster than its velocity limit",)


def test_first_target_leaves_the_measured_pose_by_one_step_at_most() -> None:
    command_filter = make_filter()
    measured = np.array([0.5, 0, 0, 0, 0, 0])
    command_filter.reset(measured)
    position, _ = command_filter.apply(np.full(6, -1.0))
    assert np.all(np.abs(position - measured) <= MAX_VELOCITY_RAD_S * PERIOD_S + 1e-12)


def test_missing_and_extra_joints_are_refused() -> None:
    for count in (0, 5, 7):
        position, reasons = make_filter().apply([0.01] * count)
        assert np.array_equal(position, HOME)
        assert reasons == (f"command has {count} joints, expected 6",)


def test_a_stale_command_is_refused() -> None:
    command_filter = make_filter(stale_after_ns=100)
    assert command_filter.apply(np.full(6, 0.01), stamp_ns=0, now_ns=100).reasons == ()
    position, reasons = command_filter.apply(np.full(6, 0.02), stamp_ns=0, now_ns=101)
    assert np.array_equal(position, np.full(6, 0.01))
    assert reasons == ("command is stale",)


def test_a_command_from_the_future_is_refused_too() -> None:
    command_filter = make_filter(stale_after_ns=100)
    position, reasons = command_filter.apply(np.full(6, 0.01), stamp_ns=10**18, now_ns=0)
    assert np.array_equal(position, HOME)
    assert reasons == ("command is from the future",)


def test_apply_before_reset_is_our_own_bug() -> None:
    with pytest.raises(RuntimeError, match="before reset"):
        CommandFilter(LOWER_RAD, UPPER_RAD, MAX_VELOCITY_RAD_S, PERIOD_S).apply(HOME)


def test_cheaper_than_the_same_comparisons_by_numpy() -> None:
    """It runs in every simulation step. A ratio, because processors differ."""
    command_filter = make_filter(stale_after_ns=10**9)
    command, previous = np.full(6, 0.01), np.full(6, 0.01)
    lower, upper, step = (np.array(values) for values in (LOWER_RAD, UPPER_RAD, np.full(6, 0.1)))

    def by_numpy() -> tuple[np.ndarray, bool, bool]:
        bent = np.clip(np.clip(command, lower, upper), previous - step, previous + step)
        return bent, np.array_equal(bent, command), bool(np.isfinite(command).all())

    took = dict.fromkeys((by_numpy, lambda: command_filter.apply(command, 0, 0)), math.inf)
    for _ in range(20):
        for function in took:
            took[function] = min(took[function], timeit.timeit(function, number=500))
    plain, ours = took.values()
    assert ours < 0.8 * plain
