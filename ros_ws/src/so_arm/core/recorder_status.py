"""What /recorder/status says: whether the recorder can record, and what became of the newest episode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from so_arm.core.errors import UserError, choice_error

#: waiting: a topic that is needed has no data yet.
WAITING, IDLE, RECORDING, SAVING = "waiting", "idle", "recording", "saving"
PHASES = (WAITING, IDLE, RECORDING, SAVING)

#: What became of an episode. After CUT and REFUSED comes ": " and why.
SAVED, CUT, DISCARDED, REFUSED = "saved", "cut", "discarded", "refused"


@dataclass(frozen=True)
class RecorderStatus:
    """saved: episodes in the dataset. episode: id of the newest one dealt with. rows: its frames in the dataset."""

    phase: str = WAITING
    saved: int = 0
    episode: str = ""
    result: str = ""
    rows: int = 0
    dataset: str = ""
    problem: str = ""

    def to_text(self) -> dict[str, str]:
        """Every field but the phase as text."""
        return {field.name: str(getattr(self, field.name)) for field in fields(self) if field.name != "phase"}

    @classmethod
    def from_text(cls, phase: str, texts: Mapping[str, str]) -> RecorderStatus:
        """Inverse of :meth:`to_text`; UserError names what is missing or unreadable.

        Values that are not of this class are left alone: they are counts of the newest episode, by topic.
        """
        if phase not in PHASES:
            raise choice_error("phase of the recorder", phase, PHASES)
        try:
            return cls(
                phase=phase,
                saved=int(texts["saved"]),
                episode=texts["episode"],
                result=texts["result"],
                rows=int(texts["rows"]),
                dataset=texts["dataset"],
                problem=texts["problem"],
            )
        except KeyError as error:
            raise UserError(f"the recorder's status lacks the value {error}") from None
        except ValueError as error:
            raise UserError(f"the recorder's status: {error}") from None


def counts_to_text(counts: Mapping[str, int]) -> str:
    """Counts of one topic, without those that are 0: "received 90, repeated 2"."""
    return ", ".join(f"{name} {count}" for name, count in counts.items() if count)


def counts_from_text(text: str) -> dict[str, int]:
    """Inverse of `counts_to_text`."""
    pairs = [pair.rsplit(" ", 1) for pair in text.split(", ") if pair]
    return {name: int(count) for name, count in pairs}
