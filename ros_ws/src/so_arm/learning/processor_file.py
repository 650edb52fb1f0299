"""LeRobot's processor files: the steps around a network. Only steps that LeRobot itself registers are accepted."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from so_arm.core.errors import UserError
from so_arm.core.files import read_json


@dataclass(frozen=True)
class Step:
    """One step; `state_file` holds its tensors, None when it has none."""

    name: str
    config: dict[str, Any]
    state_file: str | None


def read_steps(path: Path) -> list[Step]:
    """Steps in their order; UserError for a damaged file, and for a step that would import foreign code.

    A step may also name a Python class instead of a registered step; LeRobot would import and call that.
    """
    entries = read_json(path).get("steps")
    if not isinstance(entries, list):
        raise UserError(f"{path} is damaged: steps is {type(entries).__name__}, expected a list")
    return [_step(path, index, entry) for index, entry in enumerate(entries)]


def _step(path: Path, index: int, entry: object) -> Step:
    if not isinstance(entry, dict):
        raise UserError(f"{path} is damaged: step {index} is {entry!r}, expected a JSON object")
    name, config, state_file = entry.get("registry_name"), entry.get("config", {}), entry.get("state_file")
    if not isinstance(name, str):
        raise UserError(f"{path}: step {index} names no registered step (registry_name); classes are not imported")
    if not isinstance(config, dict):
        raise UserError(f"{path} is damaged: config of {name} is {config!r}, expected a JSON object")
    if state_file is not None and (not isinstance(state_file, str) or Path(state_file).name != state_file):
        raise UserError(f"{path} is damaged: state_file of {name} is {state_file!r}, expected the name of a file")
    if config.get("rename_map"):
        raise UserError(f"{path}: {name} renames {config['rename_map']}; train with the names of this arm's cameras")
    return Step(name, config, state_file)
