"""Values of node parameters: types by YAML rules as in ROS 2 launch, handed over in a parameter file."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import yaml

from so_arm.core.errors import choice_error
from so_arm.launcher.context import Context
from so_arm.launcher.substitutions import check, expand
from so_arm.launcher.template import parse_template

SCALARS: dict[str, type] = {"str": str, "bool": bool, "int": int, "float": float}
TYPES = (*SCALARS, *(f"list_of_{name}" for name in SCALARS), "yaml")


def typed(text: str, kind: str = "yaml") -> Any:
    """Value of the attribute text `text` as `kind` (one of `TYPES`). Raises ValueError when it is not of that type."""
    if kind not in TYPES:
        raise ValueError(str(choice_error("parameter type", kind, TYPES)))
    if kind == "str" or (kind == "yaml" and not text):
        return text
    if kind in ("int", "float"):
        return SCALARS[kind](text)
    value = _from_yaml({"1": "true", "0": "false"}.get(text, text) if kind == "bool" else text)
    if kind.startswith("list_of_"):
        value = _checked_list(value, SCALARS[kind.removeprefix("list_of_")], text)
    if kind == "bool" and not isinstance(value, bool):
        raise ValueError(f"'{text}' is not a bool")
    return value


def _from_yaml(text: str) -> Any:
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ValueError(f"'{text}' is not valid YAML; give type=\"str\" if it is meant as text") from error
    if isinstance(value, list):
        return _uniform(value, text)
    if not isinstance(value, bool | int | float | str):
        raise ValueError(f"'{text}' is no bool, int, float, str or list of them; give type=\"str\" if it is text")
    return value


def _uniform(values: list[Any], text: str) -> list[Any]:
    """A list of one scalar type; not even int and float together, as ROS 2 launch has it."""
    kinds = {type(value) for value in values}
    if len(kinds) > 1 or not kinds <= set(SCALARS.values()):
        raise ValueError(f"'{text}' mixes types; a list parameter holds only bool, only int, only float or only str")
    return values


def _checked_list(value: Any, kind: type, text: str) -> list[Any]:
    if isinstance(value, list) and value and all(type(item) is kind for item in value):
        return value
    raise ValueError(f"'{text}' is not a list of {kind.__name__}")


def write_parameter_file(folder: Path, node: str, values: dict[str, Any]) -> Path:
    """Parameter file in `folder` that sets `values` (nested dictionaries as name spaces) for `node` ('/**': any)."""
    with tempfile.NamedTemporaryFile("w", prefix="launch_params_", suffix=".yaml", dir=folder, delete=False) as file:
        yaml.safe_dump({node: {"ros__parameters": values}}, file, default_flow_style=False)
    return Path(file.name)


def read_parameter_file(path: Path, context: Context | None = None) -> str:
    """Text of parameter file `path`, with its substitutions carried out if there is a context.

    Raises ValueError, which names no file, when it is none: a node would name the copy that it was given.
    """
    text = path.read_text(encoding="utf-8")
    if context is not None:
        template = parse_template(text)
        check(template)
        text = expand(template, context)
    try:
        content = yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = f"line {error.problem_mark.line + 1}: " if error.problem_mark is not None else ""
        raise ValueError(f"{line}not valid YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise ValueError(f"not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict | None):
        raise ValueError("no parameter file; it begins with the name of a node and a colon")
    return text


def substituted_parameter_file(folder: Path, path: Path, context: Context) -> Path:
    """A copy of parameter file `path` in `folder`, with its substitutions carried out. Raises ValueError."""
    text = read_parameter_file(path, context)
    with tempfile.NamedTemporaryFile("w", prefix="launch_params_", suffix=".yaml", dir=folder, delete=False) as file:
        file.write(text)
    return Path(file.name)
