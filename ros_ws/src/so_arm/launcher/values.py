"""Attribute values: text with its substitutions carried out, and numbers, each error at its file and line."""

from __future__ import annotations

from so_arm.core.errors import choice_error
from so_arm.launcher.context import Context
from so_arm.launcher.document import Tag
from so_arm.launcher.grammar import template
from so_arm.launcher.substitutions import as_bool, expand


def text(tag: Tag, attribute: str, context: Context) -> str:
    """Text of a required attribute."""
    parsed = template(tag, attribute)
    try:
        return expand(parsed, context)
    except ValueError as error:
        raise tag.error(f"{attribute} of <{tag.name}>: {error}") from error


def optional(tag: Tag, attribute: str, context: Context) -> str | None:
    return text(tag, attribute, context) if attribute in tag.attributes else None


def boolean(tag: Tag, attribute: str, context: Context, default: bool) -> bool:
    if attribute not in tag.attributes:
        return default
    try:
        return as_bool(text(tag, attribute, context))
    except ValueError as error:
        raise tag.error(f"{attribute} of <{tag.name}>: {error}") from error


def seconds(tag: Tag, attribute: str, context: Context, default: float) -> float:
    """A time of 0 s or more."""
    if attribute not in tag.attributes:
        return default
    given = text(tag, attribute, context)
    try:
        value = float(given)
    except ValueError:
        value = -1.0
    if not 0.0 <= value < float("inf"):
        raise tag.error(f"{attribute} of <{tag.name}>: '{given}' is not a time in seconds of 0 or more")
    return value


def integer(tag: Tag, attribute: str, context: Context, default: int) -> int:
    if attribute not in tag.attributes:
        return default
    given = text(tag, attribute, context)
    try:
        return int(given)
    except ValueError as error:
        raise tag.error(f"{attribute} of <{tag.name}>: '{given}' is not a whole number") from error


def choice(tag: Tag, attribute: str, context: Context, choices: tuple[str, ...], default: str) -> str:
    given = text(tag, attribute, context) if attribute in tag.attributes else default
    if given not in choices:
        raise tag.error(str(choice_error(f"{attribute} of <{tag.name}>", given, choices)))
    return given
