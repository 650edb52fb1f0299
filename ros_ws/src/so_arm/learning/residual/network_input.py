"""What the residual's networks see of one control tick: numbers of order one, in one layout for training and robot."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from so_arm.core.joints import NUM_JOINTS
from so_arm.core.kinematics import grasp_points
from so_arm.core.residual import to_unit

#: Steps of the base's plan that are shown, counted from the one that is due.
PLAN_AHEAD = (0, 4, 8, 16, 29)
_RATE_GAIN, _AHEAD_GAIN, _STEP_GAIN = 20.0, 3.0, 0.05
_CENTRE_M, _PLACE_GAIN = (0.2, 0.0, 0.05), 8.0
_OBJECT_GAIN, _TARGET_GAIN = 20.0, 10.0

_BASE = slice(2 * NUM_JOINTS, 3 * NUM_JOINTS)
_GRIPPER = slice(-3, None)
BODY_SIZE = (3 + len(PLAN_AHEAD)) * NUM_JOINTS + 1 + 3
#: Where the object and the target are [m], as far as it is known.
PLACES_SIZE = 6
LOOK_SIZE = 2 * PLACES_SIZE
_CENTRES = torch.tensor(_CENTRE_M * 2)


def plan_ahead(plan: np.ndarray) -> np.ndarray:
    """Steps of a plan (m, 6) that are shown, (len(PLAN_AHEAD), 6); its last one stands for those beyond its end."""
    return plan[np.minimum(PLAN_AHEAD, len(plan) - 1)]


def body(position: np.ndarray, rate: np.ndarray, ahead: np.ndarray, step: np.ndarray) -> np.ndarray:
    """What the arm itself knows, (n, BODY_SIZE) float32.

    position: (n, 6) [rad]. rate: (n, 6), change of position within the last tick [rad]. ahead: (n, 5, 6) [rad], see
    `plan_ahead`. step: (n,), position in the chunk.
    """
    n = len(position)
    return np.concatenate(
        (
            to_unit(position),
            rate * _RATE_GAIN,
            to_unit(ahead[:, 0]),
            ((ahead - position[:, None]) * _AHEAD_GAIN).reshape(n, -1),
            step.reshape(n, 1) * _STEP_GAIN,
            (grasp_points(position) - _CENTRE_M) * _PLACE_GAIN,
        ),
        axis=1,
    ).astype(np.float32)


def base_action(body: Tensor) -> Tensor:
    """The base's action (n, 6), normalised, out of `body`."""
    return body[:, _BASE]


def look(body: Tensor, places: Tensor) -> Tensor:
    """Where object and target are, in space and as the gripper sees it, (n, LOOK_SIZE).

    places: (n, 6) [m], object position and target position in base_link.
    """
    from_centre = (places - _CENTRES) * _PLACE_GAIN
    gripper = body[:, _GRIPPER]
    to_object, to_target = from_centre[:, :3] - gripper, from_centre[:, 3:] - gripper
    return torch.cat(
        (from_centre, to_object * (_OBJECT_GAIN / _PLACE_GAIN), to_target * (_TARGET_GAIN / _PLACE_GAIN)), dim=1
    )
