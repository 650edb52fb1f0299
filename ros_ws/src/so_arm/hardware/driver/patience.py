"""How late an answer may come: as little as the adapter and the machine need, because every lost answer costs it."""

from __future__ import annotations

#: Looked at once in so many cycles; that share of answers late: more patience.
_CYCLES, _LATE_SHARE = 20, 0.02
_LONGER, _SHORTER = 2.0, 0.9


class AnswerPatience:
    """`margin_s` begins with the shortest, grows while answers come too late, and shrinks when none do.

    Answers that do not come at all change nothing.
    """

    def __init__(self, shortest_s: float, longest_s: float) -> None:
        self._shortest_s, self._longest_s = shortest_s, max(shortest_s, longest_s)
        self.margin_s = shortest_s
        self._cycles = self._late_before = 0

    def cycle(self, late_answers: int, asked: int) -> float:
        """The margin for the next cycle. late_answers: how many there were so far; asked: how many each cycle has."""
        self._cycles += 1
        if self._cycles >= _CYCLES:
            late, self._late_before = late_answers - self._late_before, late_answers
            factor = _LONGER if late > _LATE_SHARE * asked * self._cycles else _SHORTER
            self.margin_s = min(max(factor * self.margin_s, self._shortest_s), self._longest_s)
            self._cycles = 0
        return self.margin_s
