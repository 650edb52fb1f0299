"""What HDF5 and RLDS have no place for: rate, robot, units, and which LeRobot column each of their arrays was.

Written beside the data on export, so that the import gives the same dataset again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from so_arm.core.errors import UserError
from so_arm.data.exchange.episode import Feature, Layout

UNITS_UNKNOWN = "unknown"


def note_of(layout: Layout, places: Mapping[str, str]) -> dict[str, Any]:
    """JSON for `layout`; places: LeRobot key -> where it is in the file. UserError when two are in one place."""
    owners: dict[str, str] = {}
    for key, place in places.items():
        if (first := owners.setdefault(place, key)) != key:
            raise UserError(f"columns {first} and {key} would both be {place}; rename one of them")
    return {
        "fps": layout.fps,
        "robot_type": layout.robot_type,
        "units": layout.units or UNITS_UNKNOWN,
        "delta_actions": layout.delta_actions,
        "columns": {places[key]: {"key": key, **asdict(feature)} for key, feature in layout.features.items()},
        "images": {places[key]: {"key": key, "size": list(size)} for key, size in layout.images.items()},
    }


def read_note(note: Any, where: str) -> tuple[Layout, dict[str, str]]:
    """Layout and places of `note_of`; UserError that names `where` when it is damaged."""
    try:
        units = note["units"]
        columns = note["columns"].items()
        layout = Layout(
            fps=int(note["fps"]),
            robot_type=str(note["robot_type"]),
            features={c["key"]: Feature(c["dtype"], tuple(c["shape"]), c["names"]) for _, c in columns},
            images={i["key"]: (int(i["size"][0]), int(i["size"][1])) for i in note["images"].values()},
            units=None if units == UNITS_UNKNOWN else dict(units),
            delta_actions=bool(note["delta_actions"]),
        )
        places = {entry["key"]: place for part in ("columns", "images") for place, entry in note[part].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(f"{where} is damaged: {error!r}") from error
    return layout, places
