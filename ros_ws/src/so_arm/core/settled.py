"""Changes that are worth a line: those that last. What is gone before anybody could read it only makes noise."""

from __future__ import annotations


class Settled[Value]:
    """Follows a value that may flicker; begins with `told`, which nobody needs to be told."""

    def __init__(self, told: Value) -> None:
        self.told = told
        self._seen = told
        self._since_s = 0.0

    def due(self, value: Value, now_s: float, patience_s: float) -> bool:
        """True while `value` is not what was told last and has stayed for `patience_s`; set `told` once it is told."""
        if value != self._seen:
            self._seen, self._since_s = value, now_s
        return value != self.told and now_s - self._since_s >= patience_s
