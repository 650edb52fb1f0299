r"""Text with substitutions, ``a$(var x)b``, read by the rules of ROS 2 launch.

Outside of a substitution everything up to ``$(`` is text. Inside, arguments are separated by one space; an argument
with spaces is put into '...' or "...". A backslash takes the special meaning from the next character.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Call:
    """One substitution, ``$(name argument ...)``."""

    name: str
    arguments: tuple[Template, ...]


@dataclass(frozen=True)
class Template:
    parts: tuple[str | Call, ...]

    def calls(self) -> list[Call]:
        """All substitutions in it, the nested ones too."""
        found = [part for part in self.parts if isinstance(part, Call)]
        for call in list(found):
            for argument in call.arguments:
                found.extend(argument.calls())
        return found


_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_QUOTES = "'\""


def parse_template(text: str) -> Template:
    """Template of an attribute's text. Raises ValueError with the place at fault."""
    reader = _Reader(text)
    parts = reader.parts(stop="", quote="")
    return Template(tuple(parts))


class _Reader:
    """Recursive descent over one attribute value."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def parts(self, stop: str, quote: str) -> list[str | Call]:
        """Text and calls up to one of the characters `stop` (or the end); `quote` is the quotation it lies in."""
        found: list[str | Call] = []
        literal = ""
        while self.at < len(self.text) and self.text[self.at] not in stop:
            if self.text.startswith("$(", self.at):
                if literal:
                    found.append(literal)
                    literal = ""
                found.append(self.call(quote))
            else:
                literal += self.character()
        if literal or not found:
            found.append(literal)
        return found

    def character(self) -> str:
        """The next character, a backslash removed from before it."""
        if self.text[self.at] == "\\" and self.at + 1 < len(self.text):
            self.at += 1
        self.at += 1
        return self.text[self.at - 1]

    def call(self, quote: str) -> Call:
        start = self.at
        self.at += 2
        match = _IDENTIFIER.match(self.text, self.at)
        if not match:
            raise ValueError(f"'{self.text[start:]}': a substitution starts with its name")
        self.at = match.end()
        arguments: list[Template] = []
        while self.next(start) == " ":
            self.at += 1
            arguments.append(self.argument(start, quote))
        if self.next(start) != ")":
            raise ValueError(f"'{self.text[start:]}': expected a space or ')' after '{self.text[start : self.at]}'")
        self.at += 1
        return Call(match.group(), tuple(arguments))

    def argument(self, start: int, quote: str) -> Template:
        opening = self.next(start)
        if opening in _QUOTES and not quote:
            self.at += 1
            inside = self.parts(stop=opening, quote=opening)
            if self.at == len(self.text):
                raise ValueError(f"'{self.text[start:]}': the quotation {opening} is not closed")
            self.at += 1
            return Template(tuple(inside))
        begin = self.at
        inside = self.parts(stop=" ()" + (quote or _QUOTES), quote=quote)
        if self.at == begin:
            raise ValueError(f"'{self.text[start:]}': an argument is missing after '{self.text[start : self.at]}'")
        return Template(tuple(inside))

    def next(self, start: int) -> str:
        if self.at >= len(self.text):
            raise ValueError(f"'{self.text[start:]}': the substitution is not closed with ')'")
        return self.text[self.at]
