"""How far into its task an episode came, in the words that reports share."""

from __future__ import annotations

from enum import IntEnum


class Phase(IntEnum):
    """In the order in which an episode goes through them."""

    UNTOUCHED = 0
    TOUCHED = 1
    LIFTED = 2
    NEAR_TARGET = 3

    @property
    def word(self) -> str:
        return self.name.lower()
