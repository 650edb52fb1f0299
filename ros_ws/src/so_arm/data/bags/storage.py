"""What the files of a bag have in common, whichever format they are in."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from so_arm.data.bags.log_order import Piece


class Damaged(Exception):
    """Part of a file cannot be read; the text says which, without the file's name."""


@dataclass(frozen=True)
class StoredTopic:
    """A topic in one file. definition: of its type, as text; encoding: "ros2msg", "ros2idl" or ""."""

    name: str
    type: str
    count: int
    qos: str
    definition: str
    encoding: str
    type_hash: str
    serialization: str


class StoredFile(Protocol):
    """An open file of a bag. problem: "" or why it is not whole."""

    path: Path
    topics: Sequence[StoredTopic]
    start_ns: int
    end_ns: int
    message_count: int
    problem: str
    custom_data: dict[str, str]

    def pieces(self, topics: Collection[str] | None) -> list[Piece]:
        """The messages of `topics` (None: all); reading a piece raises Damaged when it is."""

    def close(self) -> None: ...
