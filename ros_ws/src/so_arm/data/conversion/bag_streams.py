"""Which topics of a bag are the streams of a recording, and what is missing when they are not there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from so_arm.core.errors import UserError
from so_arm.data.bags.reader import BagTopic
from so_arm.data.ingest.settings import (
    COMMAND_TOPIC,
    COMPRESSED,
    EPISODE_TOPIC,
    REWARD_TOPIC,
    STATE_TOPIC,
    RecordingSettings,
    image_topic,
    topics,
)
from so_arm.data.ros_types import COMPRESSED_IMAGE

_IMAGE_END = image_topic("")


@dataclass(frozen=True)
class BagStreams:
    """names: topic in the bag -> topic without namespace, as `EpisodeIngest` knows it, of all that is to be read.

    cameras: those of the recording; compressed: those of them that the bag has as JPEG only. reward, episodes: whether
    the bag tells rewards, and when episodes began and ended.
    """

    namespace: str
    names: dict[str, str]
    cameras: tuple[str, ...]
    compressed: tuple[str, ...]
    reward: bool
    episodes: bool


def find_streams(
    bag: Path, found: Mapping[str, BagTopic], namespace: str | None = None, cameras: Sequence[str] | None = None
) -> BagStreams:
    """The streams in the topics `found` of `bag`; UserError lists what it has and what is needed.

    namespace: of the arm; None: the only one there is. cameras: None means all that there are.
    """
    filled = {name: topic for name, topic in found.items() if topic.count}
    if not filled:
        there = f"its topics are empty: {_listed(found)}" if found else "it has no topics"
        raise UserError(f"{bag} holds no message; {there}")
    space = _namespace(bag, found, filled, namespace)
    own = {
        name.removeprefix(space).lstrip("/"): topic for name, topic in filled.items() if name.startswith(f"{space}/")
    }
    if cameras is None:
        cameras = _cameras(own)
    compressed = tuple(camera for camera in cameras if image_topic(camera) not in own)
    wanted = topics(RecordingSettings(1, tuple(cameras), REWARD_TOPIC in own))
    for camera in compressed:
        del wanted[image_topic(camera)]
        wanted[image_topic(camera) + COMPRESSED] = COMPRESSED_IMAGE
    if EPISODE_TOPIC not in own:
        del wanted[EPISODE_TOPIC]
    _check(bag, found, own, wanted, space)
    return BagStreams(
        namespace=space,
        names={f"{space}/{topic}": topic for topic in wanted},
        cameras=tuple(cameras),
        compressed=compressed,
        reward=REWARD_TOPIC in own,
        episodes=EPISODE_TOPIC in own,
    )


def _namespace(bag: Path, found: Mapping[str, BagTopic], filled: Mapping[str, BagTopic], namespace: str | None) -> str:
    """With a slash in front, or empty."""
    if namespace is not None:
        return f"/{namespace.strip('/')}" if namespace.strip("/") else ""
    spaces = sorted(name.removesuffix(f"/{STATE_TOPIC}") for name in filled if name.endswith(f"/{STATE_TOPIC}"))
    if len(spaces) > 1:
        listed = ", ".join(space or "/" for space in spaces)
        raise UserError(f"{bag} holds several arms; choose a namespace: {listed}")
    if not spaces:
        _check(bag, found, {}, dict.fromkeys((STATE_TOPIC, COMMAND_TOPIC), ""), "")
    return spaces[0]


def _cameras(own: Mapping[str, BagTopic]) -> tuple[str, ...]:
    images = {name.removesuffix(COMPRESSED) for name in own if name.removesuffix(COMPRESSED).endswith(_IMAGE_END)}
    return tuple(sorted(name.removesuffix(_IMAGE_END) for name in images))


def _check(
    bag: Path, found: Mapping[str, BagTopic], own: Mapping[str, BagTopic], wanted: Mapping[str, str], space: str
) -> None:
    missing = [f"{space}/{topic.removesuffix(COMPRESSED)}" for topic in wanted if topic not in own]
    if missing:
        raise UserError(f"{bag} lacks {', '.join(missing)}, needed for an episode; it has {_listed(found)}")
    for topic, kind in wanted.items():
        if own[topic].type != kind:
            raise UserError(f"{bag}: {space}/{topic} is of type {own[topic].type}, expected {kind}")


def _listed(found: Mapping[str, BagTopic], at_most: int = 20) -> str:
    names = [f"{name} ({topic.count} of {topic.type})" for name, topic in sorted(found.items())]
    more = f" and {len(names) - at_most} more" if len(names) > at_most else ""
    return ", ".join(names[:at_most]) + more
