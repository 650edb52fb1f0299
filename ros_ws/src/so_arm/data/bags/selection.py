"""Which topics are meant: by name or by regular expression."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from so_arm.core.errors import UserError, choice_error


class Selection:
    """`patterns`: names of topics (with or without the leading slash) or regular expressions; none: all topics."""

    def __init__(self, patterns: Collection[str]) -> None:
        self._patterns = [(pattern, _compiled(pattern)) for pattern in patterns]

    def takes(self, topic: str) -> bool:
        return not self._patterns or any(pattern.fullmatch(topic) for _, pattern in self._patterns)

    def of(self, topics: Iterable[str], what: str) -> list[str]:
        """Those of `topics` that are meant; UserError when a pattern means none of them."""
        names = list(topics)
        for text, pattern in self._patterns:
            if not any(pattern.fullmatch(name) for name in names):
                raise choice_error(what, text, names)
        return [name for name in names if self.takes(name)]


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(f"/?(?:{pattern})")
    except re.error as error:
        raise UserError(f"'{pattern}' is neither the name of a topic nor a regular expression: {error}") from error
