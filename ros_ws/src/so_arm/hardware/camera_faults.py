"""Faults of the emulated camera streams: what they are, and how a script or a command names them."""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass
from enum import Enum

from so_arm.core.errors import UserError, choice_error

GRAMMAR = "[at seconds] <kind> [camera=NAME] [value=NUMBER] [for=SECONDS]"


class CameraFaultKind(Enum):
    STALL = "stall"  #: frames stop coming, connections stay
    WRONG_SIZE = "wrong_size"  #: value: scale of both sides, 0.5 when none is given
    DISCONNECT = "disconnect"  #: connections are dropped, and refused while it lasts


@dataclass(frozen=True)
class CameraFault:
    """camera: None for all. value: see CameraFaultKind, NaN for its default. Times in seconds."""

    kind: CameraFaultKind
    camera: str | None = None
    value: float = math.nan
    for_s: float = math.inf
    at_s: float = 0.0  #: from when it is injected until it begins

    @property
    def scale(self) -> float:
        return 0.5 if math.isnan(self.value) else self.value

    @classmethod
    def parse(cls, line: str) -> CameraFault:
        """One line, `[at seconds] <kind> [camera=NAME] [value=NUMBER] [for=SECONDS]`; # starts a comment."""
        words = line.split("#")[0].split()
        kinds = {kind.value: kind for kind in CameraFaultKind}
        try:
            at_s = float(words.pop(0)) if words and words[0] not in kinds and not words[0][0].isalpha() else 0.0
            if words and words[0] not in kinds:
                raise choice_error("camera fault", words[0], kinds)
            given = dict(word.partition("=")[::2] for word in words[1:])
            if not words or given.keys() - {"camera", "value", "for"}:
                raise UserError(f"camera fault: '{line}' is not '{GRAMMAR}'")
            value, for_s = float(given.get("value", "nan")), float(given.get("for", "inf"))
        except ValueError as error:
            raise UserError(f"camera fault: '{line}': {error}") from None
        if not (at_s >= 0 and for_s > 0) or value <= 0 or math.isinf(value):
            raise UserError(f"camera fault: '{line}' has a number that must be above zero")
        return cls(kinds[words[0]], given.get("camera"), value, for_s, at_s)


class CameraFaultBox:
    """The faults that act now or later; for any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._active: list[tuple[float, CameraFault]] = []  # begin on the steady clock [s]

    def add(self, fault: CameraFault) -> None:
        with self._lock:
            self._active.append((time.monotonic() + fault.at_s, fault))

    def clear(self) -> None:
        with self._lock:
            self._active.clear()

    def find(self, kind: CameraFaultKind, camera: str) -> CameraFault | None:
        """The newest fault of that kind that acts on `camera` now."""
        now = time.monotonic()
        with self._lock:
            self._active = [(begin, fault) for begin, fault in self._active if now < begin + fault.for_s]
            for begin, fault in reversed(self._active):
                if fault.kind is kind and fault.camera in (None, camera) and begin <= now:
                    return fault
        return None
