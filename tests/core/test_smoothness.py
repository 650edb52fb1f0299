import math

import numpy as np
import pytest

from so_arm.core.smoothness import rms_acceleration


def test_constant_speed_is_perfectly_smooth():
    targets = np.arange(10.0)[:, None] * np.linspace(-1, 1, 6)
    assert rms_acceleration(targets, 0.1) == pytest.approx(0.0, abs=1e-10)


def test_a_constant_acceleration_is_its_own_rms():
    seconds = np.arange(20) / 30
    assert rms_acceleration(np.tile(0.5 * 3.0 * seconds[:, None] ** 2, 6), 1 / 30) == pytest.approx(3.0)


def test_one_step_by_hand():
    targets = np.zeros((4, 6))
    targets[2:, 0] = 0.01  # second differences of joint 0: 0.01, -0.01; of the others 0
    assert rms_acceleration(targets, 0.1) == pytest.approx(math.sqrt(2 * 1.0**2 / 12))


def test_too_short_to_tell():
    assert math.isnan(rms_acceleration(np.zeros((2, 6)), 0.1))
