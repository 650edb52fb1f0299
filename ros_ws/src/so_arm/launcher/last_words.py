"""Which process of a launch failed first, and the last thing it said: the line that a user looks for."""

from __future__ import annotations

import re

_COMMAND = re.compile(r", cmd '.*'\](?=\.?$)", re.DOTALL)


class LastWords:
    """Hears the standard error of all processes."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}
        self._culprit: str | None = None

    def hear(self, process: str, text: str) -> None:
        """One or more lines of `process`."""
        for line in text.splitlines():
            if line.strip():
                self._said[process] = line.strip()

    def died(self, process: str) -> None:
        """`process` has failed by itself; the first one counts."""
        self._culprit = self._culprit or process

    def reason(self) -> str | None:
        """`[process] its last line`; None when no process has failed."""
        if self._culprit is None:
            return None
        return f"[{self._culprit}] {self._said.get(self._culprit, 'died without a word')}"


def without_command(message: str) -> str:
    """`message` of ROS 2 launch about a process that died, without its command line of a screenful."""
    return _COMMAND.sub("]", message)
