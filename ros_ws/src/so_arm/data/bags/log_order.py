"""Messages in log order, from pieces that may overlap: the chunks of MCAP files, whole sqlite3 files."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class BagMessage:
    """A serialised message. log_ns: when it was received, since 1970 [ns]."""

    topic: str
    log_ns: int
    data: bytes


@dataclass(frozen=True)
class Piece:
    """Messages of one place, which is read when its turn comes; `read` gives them in log order."""

    start_ns: int
    read: Callable[[], Iterator[BagMessage]]


def in_log_order(pieces: Sequence[Piece]) -> Iterator[BagMessage]:
    """All messages of `pieces` by log time; equal times in the order of the pieces."""
    waiting = sorted(enumerate(pieces), key=lambda numbered: numbered[1].start_ns, reverse=True)
    open_pieces: list[tuple[int, int, BagMessage, Iterator[BagMessage]]] = []
    while waiting or open_pieces:
        while waiting and (not open_pieces or waiting[-1][1].start_ns <= open_pieces[0][0]):
            number, piece = waiting.pop()
            messages = piece.read()
            if first := next(messages, None):
                heapq.heappush(open_pieces, (first.log_ns, number, first, messages))
        if not open_pieces:
            continue
        _, number, message, messages = open_pieces[0]
        yield message
        if following := next(messages, None):
            heapq.heapreplace(open_pieces, (following.log_ns, number, following, messages))
        else:
            heapq.heappop(open_pieces)
