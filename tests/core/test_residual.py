import numpy as np

from so_arm.core.joints import LOWER_RAD, UPPER_RAD
from so_arm.core.residual import apply_correction, residual_scale_rad, to_unit


def test_a_non_finite_correction_stays_visible() -> None:
    action = apply_correction(np.zeros(6), [0, np.nan, 0, 0, 0, 0], 0.1).action
    assert np.isnan(action).tolist() == [False, True, False, False, False, False]


def test_no_correction_returns_the_base_to_the_last_bit() -> None:
    rng = np.random.default_rng(0)
    base = rng.uniform(-4, 4, (1000, 6))
    residual, action = apply_correction(base, np.zeros((1000, 6)), 0.1)
    assert action.tobytes() == base.tobytes()
    assert not residual.any()


def test_bounded_per_joint_in_normalised_space() -> None:
    bound = np.array([0.1, 0.2, 0.0, 0.05, 0.3, 0.1])
    half = (UPPER_RAD - LOWER_RAD) / 2
    residual, action = apply_correction(np.zeros(6) + 0.2, np.ones(6), bound)
    np.testing.assert_allclose(residual, bound * half, rtol=1e-12)
    assert action[2] == 0.2
    small = apply_correction(np.zeros(6), np.full(6, 0.4), bound).residual
    np.testing.assert_allclose(small, bound * 0.4 * half, rtol=1e-12)


def test_never_carries_the_action_across_a_limit() -> None:
    rng = np.random.default_rng(1)
    base = rng.uniform(LOWER_RAD, UPPER_RAD, (1000, 6))
    action = apply_correction(base, rng.uniform(-1, 1, (1000, 6)), 0.5).action
    assert np.all(action >= LOWER_RAD - 1e-12) and np.all(action <= UPPER_RAD + 1e-12)


def test_a_joint_without_range_is_scaled_by_the_floor() -> None:
    assert residual_scale_rad(1.0, np.zeros(6), np.full(6, 1e-6)).tolist() == [0.05] * 6


def test_normalised_joint_limits_are_one() -> None:
    np.testing.assert_allclose(to_unit([LOWER_RAD, UPPER_RAD]), [[-1.0] * 6, [1.0] * 6], atol=1e-12)
    np.testing.assert_allclose(to_unit((LOWER_RAD + UPPER_RAD) / 2), np.zeros(6), atol=1e-12)


def test_in_normalised_space_a_correction_adds_its_share_of_the_bound() -> None:
    rng = np.random.default_rng(2)
    base, correction = rng.uniform(LOWER_RAD, UPPER_RAD, (100, 6)), rng.uniform(-1, 1, (100, 6))
    added = to_unit(apply_correction(base, correction, 0.2).action) - to_unit(base)
    inside = np.abs(to_unit(base)) < 0.8
    np.testing.assert_allclose(added[inside], 0.2 * correction[inside], atol=1e-12)
