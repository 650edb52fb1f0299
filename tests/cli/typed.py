"""Standard input for verbs that ask questions."""

from __future__ import annotations

import os
import sys

import pytest


class Typed:
    """What somebody types; `end` closes standard input."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        reader, self._writer = os.pipe()
        monkeypatch.setattr(sys, "stdin", os.fdopen(reader))

    def type(self, *lines: str) -> None:
        os.write(self._writer, "".join(line + "\n" for line in lines).encode())

    def end(self, *lines: str) -> None:
        """The last lines."""
        self.type(*lines)
        os.close(self._writer)
