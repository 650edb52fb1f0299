"""Settings of a residual training run as the command line gives them."""

from __future__ import annotations

import dataclasses
from typing import Any

from so_arm.core.errors import UserError, choice_error


def asked_settings(options: dict[str, Any], assignments: list[str]) -> dict[str, Any]:
    """The settings that were asked for: options that are not None, and ``NAME=VALUE`` texts."""
    asked = {name: value for name, value in options.items() if value is not None}
    for text in assignments:
        name, value = _assignment(text)
        if name in options:
            raise UserError(f"--set {name}: it has an option of its own, --{name}")
        asked[name] = value
    if isinstance(bound := asked.get("bound"), str):
        asked["bound"] = _shares(bound)
    return asked


def _assignment(text: str) -> tuple[str, Any]:
    from so_arm.learning.residual.settings import ResidualSettings

    name, equals, value = text.partition("=")
    types = {field.name: str(field.type) for field in dataclasses.fields(ResidualSettings) if field.name != "bound"}
    if not equals:
        raise UserError(f"--set {text}: expected NAME=VALUE")
    if name not in types:
        raise choice_error("--set", name, sorted(types))
    return name, _value(name, value, types[name])


def _value(name: str, text: str, kind: str) -> Any:
    if kind == "bool":
        if text not in ("true", "false"):
            raise choice_error(f"--set {name}", text, ("true", "false"))
        return text == "true"
    try:
        return {"int": int, "float": float, "str": str}[kind](text)
    except ValueError:
        wanted = {"int": "a whole number", "float": "a number"}[kind]
        raise UserError(f"--set {name}={text}: expected {wanted}") from None


def _shares(text: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise UserError(f"--bound {text}: expected one number or six with commas, e.g. 0.1") from None
