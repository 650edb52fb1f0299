"""What a reward may look at: one plain record per control tick, filled by the task."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields

from so_arm.core.errors import UserError

Vector = tuple[float, float, float]


@dataclass(slots=True)
class RewardState:
    """State after one control tick. Plain Python values only: it is built inside every environment step.

    Positions are (x, y, z) in `base_link` [m].
    """

    object_position: Vector
    target_position: Vector
    gripper_position: Vector  # the grasp point between the fingers
    object_height: float  # above where the object lies at rest [m]
    gripper_object_contacts: int  # finger sides that touch the object: 0, 1 or 2
    object_speed: float  # [m/s]
    gripper_opening: float  # jaw angle [rad]
    ever_lifted: bool  # the object was lifted (`terms.is_lifted`) at some tick of this episode
    success: bool  # decided by the task, never by a reward
    tick: int  # control ticks since the episode began

    def to_text(self) -> dict[str, str]:
        """Every field as text that :meth:`from_text` reads back bit for bit (floats by `repr`)."""
        return {field.name: _write(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_text(cls, texts: Mapping[str, str]) -> RewardState:
        """Inverse of :meth:`to_text`; UserError names a field that is missing or unreadable."""
        values: dict[str, object] = {}
        for field in fields(cls):
            if field.name not in texts:
                raise UserError(f"reward state lacks the field '{field.name}'")
            try:
                values[field.name] = _READERS[str(field.type)](texts[field.name])
            except (ValueError, KeyError):
                raise UserError(
                    f"reward state field '{field.name}' is not a {field.type}: '{texts[field.name]}'"
                ) from None
        return cls(**values)  # type: ignore[arg-type]


def _write(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(repr(float(part)) for part in value)
    if isinstance(value, bool) or not isinstance(value, float):
        return str(value)
    return repr(float(value))  # a NumPy float would print its type


def _read_vector(text: str) -> Vector:
    x, y, z = (float(part) for part in text.split())
    return x, y, z


def _read_bool(text: str) -> bool:
    return {"True": True, "False": False}[text]


_READERS: dict[str, Callable[[str], object]] = {
    "Vector": _read_vector,
    "float": float,
    "int": int,
    "bool": _read_bool,
}
