"""What the bus remembers of lost answers: whom to ask again, and how to tell a late answer from a fresh one.

An answer that comes after its request was given up must not pass for that of a later request. Answers carry nothing
but id and length, so after a loss the servo is asked for another length, and not for the old one while a late answer
may still come. A servo that stays lost is asked now and then only, which also keeps it from delaying the others.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

#: Nobody answers later than that.
LATEST_ANSWER_S = 0.25
#: After that many lost sweeps in a row another try in the same sweep would only delay the others.
RETRIED_SWEEPS = 2
#: After that many lost sweeps in a row a servo is asked once per pause.
PATIENT_SWEEPS, PAUSE_S = 3, 0.03


class LossMemory:
    """lengths: the numbers of bytes that may be asked for, the usual one first."""

    def __init__(self, lengths: range) -> None:
        self._lengths = lengths
        self._lost_s: dict[tuple[int, int], float] = {}
        self._lost_sweeps: Counter[int] = Counter()
        self._asked_s: dict[int, float] = {}

    def due(self, ids: Iterable[int], now_s: float) -> tuple[int, ...]:
        """Those of `ids` that the next sweep is to ask."""
        if not self._lost_sweeps:
            return tuple(ids)
        return tuple(
            servo_id
            for servo_id in ids
            if self._lost_sweeps[servo_id] < PATIENT_SWEEPS or now_s - self._asked_s[servo_id] >= PAUSE_S
        )

    def again(self, ids: Iterable[int]) -> tuple[int, ...]:
        """Those of `ids` worth another try in the same sweep: not lost in the sweeps before."""
        return tuple(servo_id for servo_id in ids if self._lost_sweeps[servo_id] < RETRIED_SWEEPS)

    def length(self, ids: Iterable[int], now_s: float) -> int:
        """Number of bytes to ask `ids` for, such that no late answer of them has it."""
        if not self._lost_s:
            return self._lengths[0]
        self._lost_s = {key: at_s for key, at_s in self._lost_s.items() if now_s - at_s < LATEST_ANSWER_S}
        asked = tuple(ids)

        def newest_loss_s(length: int) -> float:
            return max(self._lost_s.get((servo_id, length), -1.0) for servo_id in asked)

        return min(self._lengths, key=newest_loss_s)

    def lost(self, servo_id: int, length: int, now_s: float) -> None:
        self._lost_s[servo_id, length] = now_s
        self._asked_s[servo_id] = now_s

    def end_of_sweep(self, answered: Iterable[int], lost: Iterable[int]) -> None:
        if self._lost_sweeps:
            for servo_id in answered:
                self._lost_sweeps.pop(servo_id, None)
        for servo_id in lost:
            self._lost_sweeps[servo_id] += 1
