"""Reads a whole bag, decodes all that can be decoded, and says what is wrong with it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from so_arm.data.bags import qos
from so_arm.data.bags.decoding import Decoder, Undecodable
from so_arm.data.bags.log_order import BagMessage
from so_arm.data.bags.reader import Bag
from so_arm.data.bags.storage import Damaged

#: An interval of more than so many usual ones is a gap.
GAP_PERIODS = 3.0


@dataclass(frozen=True)
class TopicCheck:
    """rate_hz: mean over the topic's own time; gaps: intervals of more than three usual ones; backwards: header stamps
    that are earlier than the one before; undecodable: messages that do not fit their type."""

    name: str
    type: str
    count: int
    rate_hz: float
    longest_gap_s: float
    gaps: int
    backwards: int
    undecodable: int
    note: str


@dataclass(frozen=True)
class BagCheck:
    """problems: one line each; empty when the bag is sound."""

    topics: list[TopicCheck]
    problems: list[str] = field(default_factory=list)


def check(bag: Bag, on_message: Callable[[], None] = lambda: None) -> BagCheck:
    """Read all of `bag`; `on_message` is called after each message."""
    problems = list(bag.warnings)
    decoder = Decoder(bag.topics)
    seen: dict[str, list[tuple[int, int]]] = defaultdict(list)  # log time, stamp or -1
    undecodable: Counter[str] = Counter()
    for message in _all_messages(bag, problems):
        stamp = -1
        try:
            stamp = _stamp_ns(decoder.decode(message.topic, message.data))
        except Undecodable as error:
            if not undecodable[message.topic]:
                problems.append(f"{message.topic}: {error}")
            undecodable[message.topic] += 1
        seen[message.topic].append((message.log_ns, stamp))
        on_message()
    topics = [
        _topic_check(name, topic.type, seen[name], undecodable[name], decoder.unknown.get(name, ""))
        for name, topic in bag.topics.items()
    ]
    for found in topics:
        # Stamps of several publishers interleave as their messages do; only one of them has a clock.
        if found.backwards and len(qos.parse(bag.topics[found.name].qos)) <= 1:
            problems.append(f"{found.name}: stamps go backwards {found.backwards} times")
    for name, topic in bag.topics.items():
        if len(seen[name]) != topic.count:
            problems.append(f"{name}: {topic.count} messages are said to be there, {len(seen[name])} are")
    return BagCheck(topics, problems)


def _all_messages(bag: Bag, problems: list[str]) -> Iterator[BagMessage]:
    """What of the bag can be read, piece by piece; what cannot is added to `problems`."""
    for file in bag.files:
        for piece in file.pieces(None):
            try:
                yield from map(bag.unpacked, piece.read())
            except Damaged as damage:
                problems.append(f"{file.path.name}: {damage}; its messages are lost")


def _stamp_ns(message: Any) -> int:
    """Header stamp [ns], -1 for messages without one."""
    stamp = getattr(getattr(message, "header", None), "stamp", None)
    return -1 if stamp is None else stamp.sec * 1_000_000_000 + stamp.nanosec


def _topic_check(name: str, kind: str, seen: list[tuple[int, int]], undecodable: int, note: str) -> TopicCheck:
    times = np.array(sorted(seen), dtype=np.int64).reshape(-1, 2)
    intervals = np.diff(times[:, 0]) / 1e9
    stamps = times[times[:, 1] >= 0, 1]
    span = float(intervals.sum())
    usual = float(np.median(intervals)) if len(intervals) else 0.0
    return TopicCheck(
        name,
        kind,
        len(seen),
        len(intervals) / span if span else 0.0,
        float(intervals.max()) if len(intervals) else 0.0,
        int(np.sum(intervals > GAP_PERIODS * usual)) if usual else 0,
        int(np.sum(np.diff(stamps) < 0)),
        undecodable,
        note,
    )
