"""What is wrong with a command line, in plain words; Typer's own are those of its validation library."""

from __future__ import annotations

import re
from collections.abc import Callable

from so_arm.core.errors import choice_error

#: How Typer puts it -> how we do, given the match.
_WORDINGS: list[tuple[str, Callable[[re.Match[str]], str]]] = [
    (r"Value error, '(?P<given>.*)' is not one of (?P<choices>.*)\.", lambda found: _choice(found)),
    (r"Input should be a valid integer.*", lambda _: "expected a whole number"),
    (r"Input should be a valid number.*", lambda _: "expected a number"),
    (r"Input should be greater than or equal to (?P<limit>.*)", lambda found: f"at least {found['limit']} is needed"),
    (r"Input should be less than or equal to (?P<limit>.*)", lambda found: f"at most {found['limit']} is allowed"),
]


def plainly(message: str) -> str:
    """`message` of Typer in plain words; as it is when nothing better is known."""
    for pattern, wording in _WORDINGS:
        if found := re.search(pattern, message):
            return message[: found.start()] + wording(found)
    return message


def _choice(found: re.Match[str]) -> str:
    return str(choice_error("choice", found["given"], re.findall(r"'([^']*)'", found["choices"])))
