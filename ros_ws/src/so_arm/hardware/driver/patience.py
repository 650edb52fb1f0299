"""How late an answer may come: as little as the adapter and the machine need, because every lost answer costs it."""

from __future__ import annotations

#: Looked at once in so many cycles; more patience when answers were late in more than that share of them. One bad
#: moment of the machine is no reason.
_CYCLES, _LATE_SHARE = 20, 0.1
_LONGER, _SHORTER = 1.5, 0.8


class AnswerPatience:
    """`margin_s` begins with the shortest, grows while answers come too late, and shrinks when none do.

    Answers that do not come at all change nothing.
    """

    def __init__(self, shortest_s: float, longest_s: float) -> None:
        self._shortest_s, self._longest_s = shortest_s, max(shortest_s, longest_s)
        self.margin_s = shortest_s
        self._cycles = self._late_cycles = self._late_answers = 0

    def cycle(self, late_answers: int) -> float:
        """The margin for the next cycle. late_answers: how many there were so far."""
        self._cycles += 1
        self._late_cycles += late_answers > self._late_answers
        self._late_answers = late_answers
        if self._cycles >= _CYCLES:
            factor = _LONGER if self._late_cycles > _LATE_SHARE * self._cycles else _SHORTER
            self.margin_s = min(max(factor * self.margin_s, self._shortest_s), self._longest_s)
            self._cycles = self._late_cycles = 0
        return self.margin_s
