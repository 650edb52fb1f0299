"""Where the object of a task lies when an episode begins."""

from __future__ import annotations

from typing import NamedTuple


class ObjectStart(NamedTuple):
    """In `base_link`. yaw_rad: turn about z, None for a point."""

    x_m: float
    y_m: float
    yaw_rad: float | None
