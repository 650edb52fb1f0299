"""What /recorder/status says: whether the recorder can record, and what became of the newest episode."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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

    @property
    def fate(self) -> str:
        """SAVED, CUT, DISCARDED or REFUSED."""
        return self.result.partition(":")[0]

    @property
    def reason(self) -> str:
        """Why it was cut or refused."""
        return self.result.partition(":")[2].strip()

    @classmethod
    def from_text(cls, phase: str, texts: Mapping[str, str]) -> RecorderStatus:
        """UserError names what is missing or unreadable; values that are not of this class are left alone."""
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
