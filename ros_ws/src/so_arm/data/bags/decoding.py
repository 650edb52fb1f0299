"""Messages of any type that a bag knows, as objects with the fields of the type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rosbags.serde import SerdeError
from rosbags.typesys import Stores, get_types_from_idl, get_types_from_msg, get_typestore
from rosbags.typesys.base import TypesysError
from rosbags.typesys.store import Typestore

from so_arm.data.bags.reader import BagTopic
from so_arm.data.ros_types import jazzy


class Undecodable(Exception):
    """The data are not a message of the topic's type."""


class Decoder:
    """Decodes messages of `topics`: types of ROS 2 Jazzy, and others, or older ones, by the definitions in the bag.

    unknown: topic -> why none of its messages can be decoded.
    """

    def __init__(self, topics: Mapping[str, BagTopic]) -> None:
        self.unknown: dict[str, str] = {}
        self._topics = topics
        self._stores: dict[str, Typestore] = {}
        for name, topic in topics.items():
            store = jazzy() if topic.type in jazzy().fielddefs else _own_store(topic)
            if store is None:
                kind = topic.type or "its type"
                self.unknown[name] = f"{kind} is not of ROS 2 Jazzy, and no definition of it in the bag can be read"
            else:
                self._stores[name] = store

    def decode(self, topic: str, data: bytes) -> Any:
        """The message, None when its type is unknown. Undecodable: when the data do not fit the type."""
        if topic not in self._stores:
            return None
        kind = self._topics[topic].type
        try:
            return _decode(self._stores[topic], kind, data)
        except Undecodable:
            own = _own_store(self._topics[topic]) if self._stores[topic] is jazzy() else None
            if own is None:
                raise
        message = _decode(own, kind, data)  # a type that was another in the recorder's ROS 2
        self._stores[topic] = own
        return message


def _decode(store: Typestore, kind: str, data: bytes) -> Any:
    try:
        return store.deserialize_cdr(data, kind)
    except (SerdeError, IndexError, KeyError) as error:
        raise Undecodable(str(error)) from error


def _own_store(topic: BagTopic) -> Typestore | None:
    """The types of the definition in the bag, None where there is none that can be read."""
    if not topic.definition:
        return None
    store = get_typestore(Stores.EMPTY)
    try:
        if topic.encoding == "ros2idl":
            store.register(get_types_from_idl(topic.definition))
        else:
            store.register(get_types_from_msg(topic.definition, topic.type))
        store.get_msgdef(topic.type)
    except (TypesysError, KeyError, ValueError, TypeError):
        return None
    return store
