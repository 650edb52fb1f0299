import numpy as np
import pytest

from so_arm.core.joints import LOWER_RAD, UPPER_RAD
from so_arm.core.residual import apply_correction, residual_scale_rad
from so_arm.core.residual_use import residual_use, ticks_outside_limits

BOUND = np.array([0.1, 0.1, 0.2, 0.05, 0.1, 0.0])
SCALE = residual_scale_rad(BOUND)


def test_shares_by_hand():
    residual = np.zeros((4, 6))
    residual[:, 0] = SCALE[0] * np.array([1.0, -0.99, 0.5, 0.0])
    residual[:, 1] = SCALE[1] * -0.5
    use = residual_use(np.zeros((4, 6)), residual, BOUND)
    assert use.ticks == 4
    assert use.rms[:2] == pytest.approx((np.sqrt((1 + 0.99**2 + 0.25) / 4), 0.5))
    assert use.largest == pytest.approx((1.0, 0.5, 0, 0, 0, 0))
    assert use.saturated == (0.5, 0, 0, 0, 0, 0)
    assert (use.above_bound, use.pushed_outside) == (0, 0)


def test_whatever_the_network_says_the_residual_is_no_offence():
    rng = np.random.default_rng(0)
    base = rng.uniform(LOWER_RAD - 0.1, UPPER_RAD + 0.1, (500, 6))
    corrected = apply_correction(base, np.tanh(rng.normal(0, 30, (500, 6))), BOUND)
    use = residual_use(base, corrected.action - base, BOUND)  # by difference: with its rounding
    assert (use.above_bound, use.pushed_outside) == (0, 0)
    assert max(use.saturated[:5]) > 0.5 and use.largest[5] == 0.0


@pytest.mark.parametrize("wrong", [1.001 * SCALE[0], -1.001 * SCALE[0], np.nan, np.inf])
def test_a_residual_above_its_bound_or_not_finite_is_counted(wrong: float):
    residual = np.zeros((3, 6))
    residual[1, 0] = wrong
    use = residual_use(np.zeros((3, 6)), residual, BOUND)
    assert use.above_bound == 1
    assert np.isfinite(use.rms).all()


def test_a_joint_that_may_not_be_corrected_is_an_offence_when_it_is():
    residual = np.zeros((2, 6))
    residual[0, 5] = 1e-6
    assert residual_use(np.zeros((2, 6)), residual, BOUND).above_bound == 1


def test_pushing_a_command_over_its_limit_is_counted_but_not_a_base_that_is_beyond():
    base = np.tile(UPPER_RAD - 0.01, (3, 1))
    base[2] = UPPER_RAD + 0.01
    residual = np.zeros((3, 6))
    residual[1:, 0] = 0.02
    assert residual_use(base, residual, BOUND).pushed_outside == 1


def test_an_episode_without_an_answer():
    use = residual_use(np.empty((0, 6)), np.empty((0, 6)), BOUND)
    assert (use.ticks, use.rms, use.above_bound) == (0, (0.0,) * 6, 0)


def test_commands_outside_the_limits():
    command = np.tile(UPPER_RAD, (4, 1))
    command[1, 3] += 1e-6
    command[2, 0] = np.nan
    assert ticks_outside_limits(command) == 2
