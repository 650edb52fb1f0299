"""Which process of a launch failed first, and the last thing it said: the line that a user looks for."""

from __future__ import annotations

import re

_COMMAND = re.compile(r", cmd '.*'\](?=\.?$)", re.DOTALL)
#: What a node logs while it lives, in ROS's format. Why it ends it says on a line of its own, or as FATAL.
_LOGGED = re.compile(r"\[(DEBUG|INFO|WARN|ERROR)\] \[")


class LastWords:
    """Hears the standard error of all processes."""

    def __init__(self) -> None:
        self._said: dict[str, str] = {}
        self._complained: dict[str, str] = {}  # the last error that was logged
        self._culprit: str | None = None
        self._code = 0

    def hear(self, process: str, text: str) -> None:
        """One or more lines of `process`."""
        for line in text.splitlines():
            if logged := _LOGGED.match(line):
                if logged[1] == "ERROR":
                    self._complained[process] = line.strip()
            elif line.strip():
                self._said[process] = line.strip()

    def died(self, process: str, code: int) -> None:
        """`process` has failed by itself; the first one counts. code: exit code, or minus the signal that ended it."""
        if self._culprit is None:
            self._culprit, self._code = process, code

    def reason(self) -> str | None:
        """`[process] its last line`, or the signal that ended it; None when no process has failed."""
        if self._culprit is None:
            return None
        if self._code < 0:
            return f"{self._culprit} was killed (signal {-self._code})"
        said = self._said.get(self._culprit) or self._complained.get(self._culprit)
        return f"[{self._culprit}] {said or f'died without a word (exit code {self._code})'}"


def without_command(message: str) -> str:
    """`message` of ROS 2 launch about a process that died, without its command line of a screenful."""
    return _COMMAND.sub("]", message)
