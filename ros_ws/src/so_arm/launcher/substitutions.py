"""The substitutions a launch file may use, and how a template becomes text."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from so_arm.core.errors import choice_error
from so_arm.launcher import packages
from so_arm.launcher.context import Context
from so_arm.launcher.expression import evaluate
from so_arm.launcher.template import Call, Template

TRUE, FALSE = ("true", "1"), ("false", "0")


@dataclass(frozen=True)
class Substitution:
    fewest: int
    most: int
    perform: Callable[[Context, list[str]], str]


def expand(template: Template, context: Context) -> str:
    """Text of `template`. Raises ValueError when a substitution has no value."""
    return "".join(part if isinstance(part, str) else _perform(part, context) for part in template.parts)


def check(template: Template) -> None:
    """Refuse unknown substitutions and wrong numbers of arguments, whether or not they would be reached."""
    for call in template.calls():
        if call.name not in SUBSTITUTIONS:
            raise ValueError(str(choice_error("substitution", f"$({call.name} ...)", SUBSTITUTIONS)))
        known = SUBSTITUTIONS[call.name]
        if not known.fewest <= len(call.arguments) <= known.most:
            expected = str(known.fewest) if known.fewest == known.most else f"{known.fewest} to {known.most}"
            raise ValueError(f"$({call.name} ...) takes {expected} argument(s), got {len(call.arguments)}")


def as_bool(text: str) -> bool:
    """Truth of a condition; anything but true, false, 1 and 0 is refused."""
    word = text.strip().lower()
    if word not in TRUE + FALSE:
        raise ValueError(f"'{text}' is neither true nor false (1 and 0 are accepted as well)")
    return word in TRUE


def _perform(call: Call, context: Context) -> str:
    return SUBSTITUTIONS[call.name].perform(context, [expand(argument, context) for argument in call.arguments])


def _variable(context: Context, given: list[str]) -> str:
    if given[0] in context.variables:
        return context.variables[given[0]]
    if len(given) == 2:
        return given[1]
    raise ValueError(str(choice_error("launch variable", given[0], context.variables)))


def _environment(context: Context, given: list[str]) -> str:
    if given[0] in context.environment:
        return context.environment[given[0]]
    if len(given) == 2:
        return given[1]
    raise ValueError(f"the environment variable {given[0]} is not set and has no default here")


def _text(truth: bool) -> str:
    return "true" if truth else "false"


def _equal(left: str, right: str) -> bool:
    """Equality as ROS 2 launch sees it: booleans and numbers by value, the rest by letters."""
    words = (left.lower(), right.lower())
    if all(word in TRUE + FALSE for word in words):
        return as_bool(left) is as_bool(right)
    try:
        return math.isclose(float(left), float(right))
    except ValueError:
        return left == right


SUBSTITUTIONS: dict[str, Substitution] = {
    "var": Substitution(1, 2, _variable),
    "env": Substitution(1, 2, _environment),
    "dirname": Substitution(0, 0, lambda context, _: str(context.file.parent)),
    "filename": Substitution(0, 0, lambda context, _: str(context.file)),
    "find-pkg-share": Substitution(1, 1, lambda context, given: str(packages.share(given[0], context.environment))),
    "eval": Substitution(1, 1, lambda _, given: evaluate(given[0])),
    "equals": Substitution(2, 2, lambda _, given: _text(_equal(*given))),
    "not-equals": Substitution(2, 2, lambda _, given: _text(not _equal(*given))),
    "not": Substitution(1, 1, lambda _, given: _text(not as_bool(given[0]))),
    "and": Substitution(2, 2, lambda _, given: _text(as_bool(given[0]) and as_bool(given[1]))),
    "or": Substitution(2, 2, lambda _, given: _text(as_bool(given[0]) or as_bool(given[1]))),
    "if": Substitution(2, 3, lambda _, given: given[1] if as_bool(given[0]) else (given[2] if len(given) == 3 else "")),
}
