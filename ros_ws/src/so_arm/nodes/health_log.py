"""A node's health in its log: what goes wrong and stays so, and that it is over, one line each."""

from __future__ import annotations

import re
from typing import Protocol

from diagnostic_msgs.msg import DiagnosticStatus

from so_arm.core.settled import Settled

_NUMBERS = re.compile(r"\d+(?:\.\d+)?")
#: A warning, or an end, that only one report per second saw is not told; an error is told at once [s].
_PATIENCE_S = 0.5
#: The same line is not written again within that time [s].
_QUIET_S = 10.0
_WELL = (DiagnosticStatus.OK, "")


class Logger(Protocol):
    def info(self, message: str) -> object: ...
    def warning(self, message: str) -> object: ...
    def error(self, message: str) -> object: ...


class HealthLog:
    """Hears every health report. Texts that differ only in their numbers, as ages do, are the same trouble."""

    def __init__(self, logger: Logger) -> None:
        self._logger = logger
        self._state: Settled[tuple[bytes, str]] = Settled(_WELL)
        self._told = ""
        self._told_s: dict[tuple[bytes, str], float] = {}

    def note(self, level: bytes, text: str, now_s: float) -> None:
        state = _WELL if level == DiagnosticStatus.OK else (level, _NUMBERS.sub("#", text))
        if not self._state.due(state, now_s, 0.0 if level == DiagnosticStatus.ERROR else _PATIENCE_S):
            return
        if state != _WELL and now_s - self._told_s.get(state, -_QUIET_S) < _QUIET_S:
            return
        self._state.told, self._told_s[state] = state, now_s
        if state == _WELL:
            self._logger.info(f"no longer: {self._told}")
            return
        self._told = text
        # Not one statement for both: a logger binds each line of code to one level.
        if level == DiagnosticStatus.ERROR:
            self._logger.error(text)
        else:
            self._logger.warning(text)
