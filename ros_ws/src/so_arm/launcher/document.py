"""A launch file as a tree of tags that know their line, so that every complaint can point at it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

from so_arm.core.errors import UserError


@dataclass
class Tag:
    name: str
    attributes: dict[str, str]
    file: Path
    line: int
    children: list[Tag] = field(default_factory=list)

    def error(self, message: str) -> UserError:
        return UserError(f"{self.file}:{self.line}: {message}")

    def get(self, attribute: str) -> str:
        """Value of a required attribute."""
        if attribute not in self.attributes:
            raise self.error(f"<{self.name}> needs the attribute '{attribute}'")
        return self.attributes[attribute]

    def named(self, name: str) -> list[Tag]:
        return [child for child in self.children if child.name == name]


def read_document(file: Path) -> Tag:
    """Root tag of the XML launch file `file`."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read the launch file {file}: {error.strerror}") from error
    parser = expat.ParserCreate()
    open_tags: list[Tag] = []
    roots: list[Tag] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        tag = Tag(name, attributes, file, parser.CurrentLineNumber)
        (open_tags[-1].children if open_tags else roots).append(tag)
        open_tags.append(tag)

    parser.StartElementHandler = start
    parser.EndElementHandler = lambda _: open_tags.pop()
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise UserError(f"{file}:{error.lineno}: not valid XML: {expat.ErrorString(error.code)}") from error
    return roots[0]
