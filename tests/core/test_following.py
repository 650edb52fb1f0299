import numpy as np
import pytest

from so_arm.core.following import at_times, following, rms_deg

TIMES = np.arange(300) / 30


def wave(time_s):
    return np.sin(time_s)[:, None] * np.linspace(0.2, 0.7, 6)


def test_lag_and_what_remains_without_it():
    sag = np.radians([0, 2, 0, 0, 0, 0])
    found = following(TIMES, wave(TIMES), wave(np.maximum(TIMES - 0.12, 0.0)) + sag)
    assert found.lag_s == pytest.approx(0.12, abs=0.005)
    assert found.rms_after_lag_deg == pytest.approx([0, 2, 0, 0, 0, 0], abs=0.1)
    assert found.rms_deg[5] > 1


def test_lag_of_some_joints_only():
    measured = wave(np.maximum(TIMES - 0.1, 0.0))
    measured[:, 5] = wave(TIMES - 0.4)[:, 5]
    assert following(TIMES, wave(TIMES), measured, slice(0, 5)).lag_s == pytest.approx(0.1, abs=0.005)


def test_an_arm_that_follows_at_once_has_no_lag():
    found = following(TIMES, wave(TIMES), wave(TIMES))
    assert found.lag_s == 0.0
    assert found.rms_deg == [0.0] * 6


def test_rms_in_degrees():
    assert rms_deg(np.radians([[3.0, 0.0], [-4.0, 0.0]])) == pytest.approx([np.sqrt(12.5), 0.0])


def test_motion_at_other_times():
    found = at_times(np.array([0.0, 1.0]), np.array([[0.0, 2.0], [1.0, 4.0]]), np.array([0.5]))
    assert np.allclose(found, [[0.5, 3.0]])
