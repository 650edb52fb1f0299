"""A bag's messages as the recorder would have got them: for `EpisodeIngest`, in the order in which they were logged."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from so_arm.core.episode_info import ENDED, RUNNING, STOPPED, EpisodeInfo
from so_arm.core.errors import UserError
from so_arm.data.bags.log_order import BagMessage, Piece, in_log_order
from so_arm.data.bags.reader import Bag
from so_arm.data.bags.storage import Damaged
from so_arm.data.conversion import message_bytes
from so_arm.data.conversion.bag_streams import BagStreams
from so_arm.data.ingest.settings import COMMAND_TOPIC, EPISODE_TOPIC
from so_arm.data.ingest.wire import header_stamp


def recorder_messages(
    bag: Bag, streams: BagStreams, fps: int, also: Sequence[str] = (), damage: list[str] | None = None
) -> Iterator[BagMessage]:
    """The messages of `streams` and of the topics `also` (without namespace), with their topics without namespace.

    Where the bag does not tell of episodes it is one, of the bag's name: from the moment when every stream has begun
    to the last command. What a recorder is told of episodes is made up then. Damaged parts of the bag are left out
    and told in `damage`.
    """
    damage = [] if damage is None else damage
    names = streams.names | {f"{streams.namespace}/{topic}": topic for topic in also}
    info = None if streams.episodes else _whole(bag, streams)
    if info is not None:
        yield BagMessage(EPISODE_TOPIC, bag.start_ns, bytes(message_bytes.episode_info(info)))
    last_ns = 0
    for message in _readable(bag, names, damage):
        topic = names[message.topic]
        if info is not None and topic == COMMAND_TOPIC:
            with suppress(UserError):  # the row that needs it will say so
                last_ns = max(last_ns, header_stamp(message.data, topic))
        yield BagMessage(topic, message.log_ns, message.data)
    if info is not None:
        steps = max((last_ns - info.start_stamp_ns) * fps // 1_000_000_000 + 1, 0)
        ended = replace(info, phase=ENDED, outcome=STOPPED, steps=steps)
        yield BagMessage(EPISODE_TOPIC, bag.end_ns, bytes(message_bytes.episode_info(ended)))


def bag_name(path: Path) -> str:
    return path.name if path.is_dir() else path.stem


def _whole(bag: Bag, streams: BagStreams) -> EpisodeInfo:
    waiting, start_ns = set(streams.names), 0
    for message in _readable(bag, streams.names, []):
        if message.topic in waiting:
            waiting.remove(message.topic)
            start_ns = max(start_ns, header_stamp(message.data, streams.names[message.topic]))
            if not waiting:
                break
    return EpisodeInfo(id=bag_name(bag.path), phase=RUNNING, start_stamp_ns=start_ns)


def _readable(bag: Bag, topics: Collection[str], damage: list[str]) -> Iterator[BagMessage]:
    """The messages of `topics` in log order, without the parts of the bag that are damaged."""

    def read(piece: Piece) -> Iterator[BagMessage]:
        try:
            for message in piece.read():
                yield bag.unpacked(message)
        except Damaged as error:
            damage.append(str(error))

    return in_log_order([Piece(piece.start_ns, partial(read, piece)) for piece in bag.pieces(topics)])
