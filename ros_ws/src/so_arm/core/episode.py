"""The outcome of one episode, in the words that reports, JSON-lines files and the graph share."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from so_arm.core.errors import UserError


@dataclass(frozen=True)
class EpisodeResult:
    """One finished episode.

    reward: sum over the episode. steps: control ticks. seconds: the simulated time they span.
    failure: what went wrong, None on success.
    """

    seed: int
    success: bool
    reward: float
    steps: int
    failure: str | None
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EpisodeResult:
        """Inverse of :meth:`to_dict`; keys it does not know are left to others, a missing one is a UserError."""
        names = [field.name for field in dataclasses.fields(cls)]
        missing = [name for name in names if name not in values]
        if missing:
            raise UserError(f"episode result lacks {', '.join(missing)}; expected {', '.join(names)}")
        return cls(**{name: values[name] for name in names})
