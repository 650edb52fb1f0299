"""What /episode/info says: which episode, in which phase, and how it ended."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

from so_arm.core.errors import UserError, choice_error

IDLE, RUNNING, ENDED = "idle", "running", "ended"
PHASES = (IDLE, RUNNING, ENDED)

#: How an episode ended. The first two are the task's verdict, the others somebody's decision.
SUCCESS, FAILURE, STOPPED, DISCARDED, ESTOP = "success", "failure", "stopped", "discarded", "estop"
#: The failure of an episode that a person judged.
JUDGED_FAILED = "judged_failed"


@dataclass(frozen=True)
class EpisodeInfo:
    """id: unique over restarts. start_stamp_ns: stamp of the first observation; nothing older belongs to it.

    outcome, failure: empty until the episode ended; failure only when outcome is "failure".
    reward: sum, steps: control ticks, latency_p50_ms and latency_p99_ms: from publishing a joint state to the arrival
    of its command; all of them when phase is "ended".
    """

    id: str = ""
    phase: str = IDLE
    seed: int = 0
    task: str = ""
    start_stamp_ns: int = 0
    outcome: str = ""
    failure: str = ""
    reward: float = 0.0
    steps: int = 0
    latency_p50_ms: float = math.nan
    latency_p99_ms: float = math.nan

    @property
    def running(self) -> bool:
        return self.phase == RUNNING

    def to_text(self) -> dict[str, str]:
        """Every field as text; floats by `repr`, so that they survive bit for bit."""
        return {
            field.name: value if isinstance(value := getattr(self, field.name), str) else repr(value)
            for field in fields(self)
        }

    @classmethod
    def from_text(cls, texts: Mapping[str, str]) -> EpisodeInfo:
        """Inverse of :meth:`to_text`; UserError names a field that is missing or unreadable."""
        readers = {"str": str, "int": int, "float": float}
        values = {}
        for field in fields(cls):
            try:
                values[field.name] = readers[str(field.type)](texts[field.name])
            except KeyError:
                raise UserError(f"episode info lacks the field '{field.name}'") from None
            except ValueError:
                raise UserError(f"episode info field '{field.name}' is '{texts[field.name]}'") from None
        info = cls(**values)  # type: ignore[arg-type]
        if info.phase not in PHASES:
            raise choice_error("episode phase", info.phase, PHASES)
        return info
