"""How a policy's chunks are executed. A policy directory says it in ``so_arm.json``; a caller may say otherwise."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from so_arm.core import files
from so_arm.core.chunk import ChunkTimeline
from so_arm.core.errors import UserError

METADATA_FILE = "so_arm.json"
_SECTION = "execution"
_DEFAULT_FPS = 30


@dataclass(frozen=True)
class ChunkSettings:
    """LeRobot's settings of the same names; see `ChunkTimeline`. The defaults plan anew after 20 of 50 steps."""

    actions_per_chunk: int = 50
    chunk_size_threshold: float = 0.6
    aggregate_fn_name: str = "latest_only"

    def timeline(self, fps: float) -> ChunkTimeline:
        """An empty timeline at control rate `fps` [Hz]; UserError for settings out of range."""
        return ChunkTimeline(
            round(1e9 / fps), self.actions_per_chunk, self.chunk_size_threshold, self.aggregate_fn_name
        )

    @classmethod
    def of_policy(cls, folder: Path) -> ChunkSettings:
        """What the policy directory asks for; the defaults for what it does not mention."""
        path = folder / METADATA_FILE
        if not path.is_file():
            return cls()
        given = files.read_json(path).get(_SECTION, {})
        if not isinstance(given, dict):
            raise UserError(f"{path}: {_SECTION} is {given!r}, expected a JSON object")
        known = {f.name: given[f.name] for f in dataclasses.fields(cls) if f.name in given}
        for name, value in known.items():
            _check_type(path, name, value, type(getattr(cls, name)))
        settings = cls(**known)
        try:
            settings.timeline(1.0)
        except UserError as error:
            raise UserError(f"{path}: {_SECTION}: {error}") from None
        return settings


def fps_of_policy(folder: Path) -> float:
    """Rate that the steps of the policy's chunks are meant for [1/s]; 30 for a directory that does not say."""
    path = folder / METADATA_FILE
    fps = files.read_json(path).get("fps", _DEFAULT_FPS) if path.is_file() else _DEFAULT_FPS
    if type(fps) not in (int, float) or not fps > 0:
        raise UserError(f"policy {folder}: fps in {METADATA_FILE} is {fps!r}, expected a number above 0")
    return fps


def _check_type(path: Path, name: str, value: object, expected: type) -> None:
    """UserError unless `value` is of the type `expected`; a whole number is a float as well, a boolean is neither."""
    allowed = (int, float) if expected is float else (expected,)
    if type(value) not in allowed:
        kind = {int: "a whole number", float: "a number", str: "a text"}[expected]
        raise UserError(f"{path}: {_SECTION}: {name} is {value!r}, expected {kind}")
