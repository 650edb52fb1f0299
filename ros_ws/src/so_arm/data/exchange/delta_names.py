"""Names of robosuite's seven actions: a motion of the hand and the gripper's command, all in -1..1."""

from __future__ import annotations

DELTA_NAMES = ["delta_x", "delta_y", "delta_z", "delta_rx", "delta_ry", "delta_rz", "gripper"]


def are_deltas(names: object) -> bool:
    """Whether actions with these names are motions, not targets."""
    return isinstance(names, list) and bool(names) and str(names[0]).startswith("delta_")
