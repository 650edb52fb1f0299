"""What the networks see is laid out as it is said to be."""

from __future__ import annotations

import numpy as np
import pytest

from so_arm.core.joints import LOWER_RAD, UPPER_RAD
from so_arm.core.kinematics import grasp_points
from so_arm.core.residual import to_unit

pytestmark = pytest.mark.torch


def _drawn(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(LOWER_RAD, UPPER_RAD, (*shape, 6))


def test_the_layout_of_the_body() -> None:
    import torch

    from so_arm.learning.residual.network_input import BODY_SIZE, base_action, body

    position, ahead = _drawn(4), _drawn(4, 5)
    rate, step = np.linspace(-0.05, 0.05, 24).reshape(4, 6), np.array([0, 7, 19, 49])
    rows = body(position, rate, ahead, step)
    assert rows.shape == (4, BODY_SIZE) and rows.dtype == np.float32
    np.testing.assert_allclose(rows[:, :6], to_unit(position), atol=1e-6)
    np.testing.assert_allclose(rows[:, 6:12], 20 * rate, atol=1e-6)
    np.testing.assert_allclose(base_action(torch.from_numpy(rows)), to_unit(ahead[:, 0]), atol=1e-6)
    np.testing.assert_allclose(rows[:, 18:48].reshape(4, 5, 6), 3 * (ahead - position[:, None]), atol=1e-5)
    np.testing.assert_allclose(rows[:, 48], step / 20, atol=1e-6)
    np.testing.assert_allclose(rows[:, 49:], (grasp_points(position) - (0.2, 0.0, 0.05)) * 8, atol=1e-5)


def test_the_last_step_stands_for_those_beyond_the_end_of_a_plan() -> None:
    from so_arm.learning.residual.network_input import PLAN_AHEAD, plan_ahead

    plan = np.arange(60.0).reshape(10, 6)
    assert plan_ahead(plan)[:, 0].tolist() == [0.0, 24.0, 48.0, 54.0, 54.0]
    assert plan_ahead(plan[:1]).shape == (len(PLAN_AHEAD), 6)


def test_places_are_seen_in_space_and_from_the_gripper() -> None:
    import torch

    from so_arm.learning.residual.network_input import LOOK_SIZE, body, look

    position = _drawn(3)
    rows = body(position, np.zeros((3, 6)), np.repeat(position[:, None], 5, 1), np.zeros(3))
    gripper = grasp_points(position)
    places = np.concatenate(
        (gripper + np.array([0.01, 0.0, -0.02]), gripper + np.array([0.0, 0.1, 0.0])), axis=1
    ).astype(np.float32)
    seen = look(torch.from_numpy(rows), torch.from_numpy(places)).numpy()
    assert seen.shape == (3, LOOK_SIZE)
    np.testing.assert_allclose(seen[:, :3], (places[:, :3] - (0.2, 0.0, 0.05)) * 8, atol=1e-5)
    np.testing.assert_allclose(seen[:, 6:9], np.tile((0.2, 0.0, -0.4), (3, 1)), atol=1e-5)
    np.testing.assert_allclose(seen[:, 9:], np.tile((0.0, 1.0, 0.0), (3, 1)), atol=1e-5)
