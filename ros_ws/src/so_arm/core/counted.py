"""Numbers of things, for people."""

from __future__ import annotations


def counted(count: int, thing: str, things: str = "") -> str:
    """``1 episode``, ``2 episodes``. things: the plural where it is not `thing` with an s."""
    return f"{count} {thing if count == 1 else things or thing + 's'}"
