"""One state per phase of pick and place, for trying a reward out."""

from __future__ import annotations

from typing import Any

from so_arm.rewards.state import RewardState, Vector

_REST_M = 0.0125  # height of the cube's centre when it lies on the table
_OBJECT_XY, _TARGET_XY = (0.20, 0.05), (0.22, -0.08)


def sample_states() -> dict[str, RewardState]:
    """Phase to state, in the order of an episode that goes wrong once. New objects at every call."""
    return {
        "start": _state(_OBJECT_XY, 0.0, gripper_position=(0.15, 0.0, 0.15), gripper_opening=1.2, tick=1),
        "gripper at the object": _state(_OBJECT_XY, 0.0),
        "one finger touches": _state(_OBJECT_XY, 0.0, gripper_object_contacts=1),
        "grasped": _state(_OBJECT_XY, 0.0, gripper_object_contacts=2),
        "lifted": _state(_OBJECT_XY, 0.06, gripper_object_contacts=2, object_speed=0.1),
        "dropped": _state(_OBJECT_XY, 0.0, ever_lifted=True),
        "over the target": _state(_TARGET_XY, 0.06, gripper_object_contacts=2),
        "put down in the target": _state(_TARGET_XY, 0.0, ever_lifted=True),
        "success": _state(_TARGET_XY, 0.0, ever_lifted=True, success=True),
    }


def _state(xy: tuple[float, float], height_m: float, **changes: Any) -> RewardState:
    position: Vector = (*xy, _REST_M + height_m)
    fields: dict[str, Any] = {
        "object_position": position,
        "target_position": (*_TARGET_XY, _REST_M),
        "gripper_position": position,
        "object_height": height_m,
        "gripper_object_contacts": 0,
        "object_speed": 0.0,
        "gripper_opening": 0.3,
        "ever_lifted": height_m > 0.0,
        "success": False,
        "tick": 100,
    }
    return RewardState(**fields | changes)
