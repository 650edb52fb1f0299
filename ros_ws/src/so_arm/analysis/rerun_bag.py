"""A bag for the Rerun viewer: images, joints by name, rewards and other numbers, texts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from so_arm.analysis.rerun_file import RerunFile, entity_path
from so_arm.core.errors import UserError
from so_arm.data.bags.decoding import Decoder, Undecodable
from so_arm.data.bags.reader import Bag, BagMessage
from so_arm.data.ingest import wire
from so_arm.data.ros_types import COMPRESSED_IMAGE, DIAGNOSTIC_ARRAY, DIAGNOSTIC_STATUS, IMAGE, JOINT_STATE, STRING

if TYPE_CHECKING:
    import rerun.blueprint as rrb

_LISTED = 5
#: Below a topic.
WORDS = "words"
#: Log time of the bag, and the stamp of messages that have one.
BAG_TIME, STAMP = "bag_time", "stamp"
_NUMBERS = {f"std_msgs/msg/{name}" for name in ("Bool", "Float32", "Float64")} | {
    f"std_msgs/msg/{sign}Int{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64)
}
SHOWN = _NUMBERS | {IMAGE, COMPRESSED_IMAGE, JOINT_STATE, DIAGNOSTIC_STATUS, DIAGNOSTIC_ARRAY, STRING}


def write_bag(path: Path, bag: Bag, on_message: Callable[[int], None]) -> list[str]:
    """Make `path` (.rrd) of the topics whose types are shown; a line for each topic that is not, or not whole."""
    topics = {name: topic for name, topic in bag.topics.items() if topic.type in SHOWN}
    if not any(topic.count for topic in topics.values()):
        has = ", ".join(f"{topic.name} ({topic.type})" for topic in bag.topics.values()) or "no topic"
        raise UserError(f"{bag.path} has no message that can be shown; it has {has}")
    decoder = Decoder(topics)
    unreadable: dict[str, str] = {}
    said: dict[str, str] = {}
    kinds = {name: topic.type for name, topic in topics.items()}
    with RerunFile(path, bag.path.name, lambda: _blueprint(kinds)) as file:
        for message in bag.messages(topics):
            try:
                _write(file, topics[message.topic].type, message, decoder, said)
            except (UserError, Undecodable) as error:
                reason = str(error).removeprefix(f"{message.topic}: ")
                unreadable.setdefault(message.topic, f"not all is shown of {message.topic}: {reason}")
            on_message(1)
    others = [f"{topic.name} ({topic.type})" for name, topic in bag.topics.items() if name not in topics]
    return [*bag.warnings, *unreadable.values(), *_not_shown(others)]


def _not_shown(topics: list[str]) -> list[str]:
    if not topics:
        return []
    more = f" and {len(topics) - _LISTED} more" if len(topics) > _LISTED else ""
    return [f"{len(topics)} topics of other types are not shown: {', '.join(topics[:_LISTED])}{more}"]


def _write(file: RerunFile, kind: str, message: BagMessage, decoder: Decoder, said: dict[str, str]) -> None:
    """said: topic -> its words so far, which are written when they change."""
    entity = _entity(message.topic)
    moment: dict[str, np.datetime64] = {BAG_TIME: np.datetime64(message.log_ns, "ns")}
    if kind in (IMAGE, COMPRESSED_IMAGE):
        read = wire.image if kind == IMAGE else wire.compressed_image
        stamp_ns, pixels = read(message.data, message.topic)
        file.image(entity, moment | {STAMP: np.datetime64(stamp_ns, "ns")}, pixels)
        return
    decoded = decoder.decode(message.topic, message.data)
    if hasattr(decoded, "header"):
        stamp = decoded.header.stamp
        moment[STAMP] = np.datetime64(stamp.sec * 1_000_000_000 + stamp.nanosec, "ns")
    words = _words(kind, decoded)
    if words and (kind == STRING or said.get(message.topic) != words):
        said[message.topic] = words
        file.text([*entity, WORDS], moment, words)
    for names, value in _numbers(kind, decoded):
        file.number([*entity, *names], moment, value)


def _numbers(kind: str, message: Any) -> Iterator[tuple[list[str], float]]:
    """Every number in a message and where it belongs below the topic."""
    if kind in _NUMBERS:
        yield [], float(message.data)
    elif kind == JOINT_STATE:
        yield from (([name], float(at)) for name, at in zip(message.name, message.position, strict=False))
    elif kind == DIAGNOSTIC_STATUS:
        yield from _of_status(message, [])
    elif kind == DIAGNOSTIC_ARRAY:
        for status in message.status:
            yield from _of_status(status, [status.name] if len(message.status) > 1 else [])


def _words(kind: str, message: Any) -> str:
    """What a message says beside numbers: of commands, who gave them."""
    if kind == STRING:
        return str(message.data)
    if kind == JOINT_STATE:
        return str(message.header.frame_id)
    if kind == DIAGNOSTIC_STATUS:
        texts = {item.key: item.value for item in message.values if math.isnan(_as_number(item.value))}
        return ", ".join([message.message, *(f"{key}: {text}" for key, text in texts.items() if text)]).strip(", ")
    return ""


def _of_status(status: Any, place: list[str]) -> Iterator[tuple[list[str], float]]:
    for item in status.values:
        value = _as_number(item.value)
        if math.isfinite(value):
            yield [*place, item.key], value


def _as_number(text: str) -> float:
    """NaN for what is no number."""
    marks = {"true": 1.0, "false": 0.0}
    try:
        return marks[text.lower()] if text.lower() in marks else float(text)
    except ValueError:
        return math.nan


def _entity(topic: str) -> list[str]:
    return [part for part in topic.split("/") if part]


def _blueprint(kinds: dict[str, str]) -> rrb.Blueprint:
    """Cameras beside a plot per topic with numbers."""
    import rerun.blueprint as rrb

    def views(view: Any, *shown: str) -> list[Any]:
        return [view(origin=entity_path(_entity(topic)), name=topic) for topic, kind in kinds.items() if kind in shown]

    cameras = views(rrb.Spatial2DView, IMAGE, COMPRESSED_IMAGE)
    plots = views(rrb.TimeSeriesView, JOINT_STATE, DIAGNOSTIC_STATUS, DIAGNOSTIC_ARRAY, *_NUMBERS)
    words = rrb.TextLogView(origin="/", contents="/**", name="what topics say")
    return rrb.Blueprint(
        rrb.Horizontal(rrb.Vertical(*cameras, words), rrb.Grid(*plots), column_shares=[1, 2]), collapse_panels=True
    )
