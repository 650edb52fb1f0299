"""What /recording/status says: how a recording session stands, and what became of its last episode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from so_arm.core.errors import UserError, choice_error
from so_arm.core.recording_session import Phase


@dataclass(frozen=True)
class SessionStatus:
    """episode: number of the one that runs or comes next, from 1 on. episodes: so many are to be saved.

    automatic: they begin by themselves. note: what happened last, or is waited for. turns: episodes that were begun and
    are over. last: what became of the last of them.
    """

    phase: Phase
    episode: int
    episodes: int
    saved: int
    automatic: bool
    note: str
    turns: int
    last: str

    def to_text(self) -> dict[str, str]:
        """Every field but the phase as text."""
        values = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "phase"}
        return {name: str(value).lower() if isinstance(value, bool) else str(value) for name, value in values.items()}

    @classmethod
    def from_text(cls, phase: str, texts: Mapping[str, str]) -> SessionStatus:
        """Inverse of :meth:`to_text`; UserError names what is missing or unreadable."""
        if phase not in list(Phase):
            raise choice_error("phase of the recording", phase, list(Phase))
        try:
            return cls(
                phase=Phase(phase),
                episode=int(texts["episode"]),
                episodes=int(texts["episodes"]),
                saved=int(texts["saved"]),
                automatic=texts["automatic"] == "true",
                note=texts["note"],
                turns=int(texts["turns"]),
                last=texts["last"],
            )
        except KeyError as error:
            raise UserError(f"the recording's status lacks the value {error}") from None
        except ValueError as error:
            raise UserError(f"the recording's status: {error}") from None
