"""The simulated scene as markers, so that RViz and Foxglove show it."""

from __future__ import annotations

import numpy as np
from geometry_msgs.msg import Point, Pose, Quaternion, Vector3
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from so_arm.nodes.messages import set_stamp
from so_arm.sim.tasks.pick_place import CUBE_HALF_M, TARGET_RADIUS_M

_POSE_VALUES = 7  # position, then quaternion with w first
_TARGET = "target"
_RED = ColorRGBA(r=0.8, g=0.1, b=0.1, a=1.0)
_GREEN = ColorRGBA(r=0.1, g=0.7, b=0.2, a=1.0)


def scene_markers(stamp_ns: int, objects: np.ndarray) -> MarkerArray:
    """objects: what a task observes, flat: the pose of each object, then the target position (3,) [m]."""
    values = objects.tolist()
    markers = []
    for start in range(0, len(values) - 3, _POSE_VALUES):
        x, y, z, qw, qx, qy, qz = values[start : start + _POSE_VALUES]
        cube = _marker(stamp_ns, "object", start // _POSE_VALUES, Marker.CUBE, _RED)
        cube.pose = Pose(position=Point(x=x, y=y, z=z), orientation=Quaternion(w=qw, x=qx, y=qy, z=qz))
        cube.scale = Vector3(x=2 * CUBE_HALF_M, y=2 * CUBE_HALF_M, z=2 * CUBE_HALF_M)
        markers.append(cube)
    x, y, z = values[-3:]
    target = _marker(stamp_ns, _TARGET, 0, Marker.CYLINDER, _GREEN)
    target.pose.position = Point(x=x, y=y, z=z)
    target.scale = Vector3(x=2 * TARGET_RADIUS_M, y=2 * TARGET_RADIUS_M, z=0.001)
    return MarkerArray(markers=[*markers, target])


def objects_of(scene: MarkerArray) -> np.ndarray:
    """The inverse of `scene_markers`: what the task observes, flat."""
    values: list[float] = []
    for marker in scene.markers:
        place, turn = marker.pose.position, marker.pose.orientation
        values += [place.x, place.y, place.z]
        if marker.ns != _TARGET:
            values += [turn.w, turn.x, turn.y, turn.z]
    return np.array(values)


def _marker(stamp_ns: int, namespace: str, number: int, kind: int, colour: ColorRGBA) -> Marker:
    marker = Marker(ns=namespace, id=number, type=kind, action=Marker.ADD, color=colour)
    marker.header.frame_id = "base_link"
    set_stamp(marker.header.stamp, stamp_ns)
    return marker
