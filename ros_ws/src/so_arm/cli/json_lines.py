"""Follows a JSON-lines file that another process writes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class JsonLines:
    """Reads the lines that are added to `path`, which need not be there yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read = 0  # bytes

    def new(self) -> Iterator[dict[str, Any]]:
        """What is on the complete lines since the last call."""
        if not self.path.exists():
            return
        with self.path.open("rb") as lines:
            lines.seek(self._read)
            for line in lines:
                if not line.endswith(b"\n"):
                    return
                self._read += len(line)
                yield json.loads(line)
