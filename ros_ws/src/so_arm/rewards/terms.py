"""Pure reward terms. Each looks at one RewardState and returns a value in [0, 1]; weights live elsewhere.

The lengths are those of OVERFIT's rewards times 0.3: its success radius of 10 cm is 3 cm here, so "near"
is 6 cm instead of 20 cm and carrying is graded over 30 cm instead of 1 m.
"""

from __future__ import annotations

from math import dist, hypot

from so_arm.rewards.state import RewardState

TARGET_RADIUS_M = 0.03
NEAR_M = 2 * TARGET_RADIUS_M
TRANSPORT_RANGE_M = 0.30
REACH_RANGE_M = 0.30
#: The 25 mm cube counts as lifted when its underside is one cube edge above the table.
LIFTED_HEIGHT_M = 0.025
FINGER_SIDES = 2


def tolerance(value: float, bound: float, margin: float) -> float:
    """1 while `value` <= `bound`, falling linearly to 0 at `bound + margin` (one unit for all); 0 for NaN."""
    if value <= bound:
        return 1.0
    if value < bound + margin:
        return 1.0 - (value - bound) / margin
    return 0.0


def is_lifted(object_height_m: float) -> bool:
    """The one meaning of "lifted"; tasks use it to keep `RewardState.ever_lifted`."""
    return object_height_m > LIFTED_HEIGHT_M


def inside_target(state: RewardState) -> bool:
    """The object's centre is over the target disc, at any height."""
    x, y, _ = state.object_position
    target_x, target_y, _ = state.target_position
    return hypot(x - target_x, y - target_y) < TARGET_RADIUS_M


def step(state: RewardState) -> float:
    """Always 1: what a time penalty multiplies."""
    return 1.0


def reach(state: RewardState) -> float:
    """1 with the grasp point at the object, 0 from 30 cm on."""
    return tolerance(dist(state.gripper_position, state.object_position), 0.0, REACH_RANGE_M)


def contact(state: RewardState) -> float:
    """Share of the finger sides that touch the object. The object's contact with the table does not count."""
    return min(state.gripper_object_contacts, FINGER_SIDES) / FINGER_SIDES


def lifted(state: RewardState) -> float:
    """1 while the object is off the table."""
    return 1.0 if is_lifted(state.object_height) else 0.0


def transport(state: RewardState) -> float:
    """Closeness of a lifted object to the target: 1 at it, 0 from 30 cm on; 0 when not lifted."""
    if is_lifted(state.object_height):
        return tolerance(dist(state.object_position, state.target_position), 0.0, TRANSPORT_RANGE_M)
    return 0.0


def near(state: RewardState) -> float:
    """Closeness within the last 6 cm, lifted or not."""
    return tolerance(dist(state.object_position, state.target_position), 0.0, NEAR_M)


def success(state: RewardState) -> float:
    """1 at the tick on which the task reports success."""
    return 1.0 if state.success else 0.0


def dropped(state: RewardState) -> float:
    """1 while an object that was lifted lies outside the target. Setting it down inside is no drop."""
    if state.ever_lifted and not is_lifted(state.object_height):
        return 0.0 if state.success or inside_target(state) else 1.0
    return 0.0
