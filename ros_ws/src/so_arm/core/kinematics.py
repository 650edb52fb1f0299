"""Forward kinematics of the arm in numpy, from the same figures as urdf/ and mjcf/ (a test holds the three together).

Figures: The Robot Studio SO-ARM100 and its MuJoCo Menagerie model (Apache-2.0), turned to x forward and to
LeRobot's zero, which makes three of the six joint frames parallel to their parents.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

LINK_NAMES: tuple[str, ...] = (
    "base_link",
    "shoulder_link",
    "upper_arm_link",
    "lower_arm_link",
    "wrist_link",
    "gripper_link",
    "moving_jaw_link",
)

#: The axis of shoulder_pan stands here on the x axis of base_link [m].
PAN_AXIS_X_M = 0.0452

# Per joint: origin in the parent link [m], rotation parent <- child at angle zero, axis in the child link.
_ORIGIN_M = np.array(
    [
        [PAN_AXIS_X_M, 0.0, 0.0165],
        [0.0, 0.1025, 0.0306],
        [0.0, 0.11257, 0.028],
        [0.0, 0.0052, 0.1349],
        [0.0, -0.0601, 0.0],
        [-0.0202, -0.0244, 0.0],
    ]
)
_ROTATION = np.array(
    [
        [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]],
        np.eye(3),
        np.eye(3),
        [[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]],
        [[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [-1.0, 0.0, 0.0]],
        [[-1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, -1.0]],
    ]
)
_AXIS = np.array(
    [[0.0, -1.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
)

#: Point between the finger tips, in gripper_link [m]: centre of a 25 mm cube that both hold.
GRASP_POINT_M = np.array([-0.0036, -0.0965, 0.0])


def link_poses(position_rad: ArrayLike) -> np.ndarray:
    """Poses (7, 4, 4) of ``LINK_NAMES`` in base_link for joint positions (6,) [rad]."""
    position = np.asarray(position_rad, dtype=np.float64)
    poses = np.tile(np.eye(4), (len(LINK_NAMES), 1, 1))
    for i, angle in enumerate(position):
        local = np.eye(4)
        local[:3, :3] = _ROTATION[i] @ _rotation_about(_AXIS[i], angle)
        local[:3, 3] = _ORIGIN_M[i]
        poses[i + 1] = poses[i] @ local
    return poses


def grasp_point(position_rad: ArrayLike) -> np.ndarray:
    """Grasp point (3,) in base_link [m] for joint positions (6,) [rad]."""
    gripper = link_poses(position_rad)[LINK_NAMES.index("gripper_link")]
    return gripper[:3, :3] @ GRASP_POINT_M + gripper[:3, 3]


def grasp_points(positions_rad: ArrayLike) -> np.ndarray:
    """`grasp_point` of many poses at once: joint positions (n, 6) [rad] to (n, 3) [m]."""
    positions = np.asarray(positions_rad, dtype=np.float64)
    rotation, place = np.tile(np.eye(3), (len(positions), 1, 1)), np.zeros((len(positions), 3))
    for i in range(LINK_NAMES.index("gripper_link")):
        place = place + rotation @ _ORIGIN_M[i]
        rotation = rotation @ _ROTATION[i] @ _rotations_about(_AXIS[i], positions[:, i])
    return place + rotation @ GRASP_POINT_M


def _rotations_about(axis: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """`_rotation_about` of angles (n,), (n, 3, 3)."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    sine, versine = np.sin(angles)[:, None, None], 1.0 - np.cos(angles)[:, None, None]
    rotations: np.ndarray = np.eye(3) + sine * cross + versine * (cross @ cross)
    return rotations


def _rotation_about(axis: np.ndarray, angle: float) -> np.ndarray:
    """Rodrigues' formula, (3, 3)."""
    x, y, z = axis
    cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]])
    return np.eye(3) + np.sin(angle) * cross + (1.0 - np.cos(angle)) * (cross @ cross)
