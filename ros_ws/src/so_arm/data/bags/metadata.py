"""metadata.yaml of a bag folder, in rosbag2's layout for Jazzy (version 9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from so_arm.core import files
from so_arm.data.bags import qos

FILE_NAME = "metadata.yaml"
VERSION = 9
ROS_DISTRO = "jazzy"
#: What rosbag2 writes as the starting time of a bag without messages.
NEVER_NS = 2**63 - 1


@dataclass(frozen=True)
class FileSummary:
    """One file of a bag."""

    path: str
    start_ns: int
    end_ns: int
    message_count: int


@dataclass(frozen=True)
class TopicSummary:
    name: str
    type: str
    qos: str
    type_hash: str
    message_count: int
    serialization: str = "cdr"


def describe(
    parts: Sequence[FileSummary], topics: Sequence[TopicSummary], custom_data: Mapping[str, str], storage: str = "mcap"
) -> dict[str, Any]:
    """The bag's description, as it stands in metadata.yaml and, for its own part, in each file."""
    filled = [part for part in parts if part.message_count]
    start = min((part.start_ns for part in filled), default=NEVER_NS)
    end = max((part.end_ns for part in filled), default=NEVER_NS)
    return {
        "version": VERSION,
        "storage_identifier": storage,
        "duration": {"nanoseconds": end - start},
        "starting_time": {"nanoseconds_since_epoch": start},
        "message_count": sum(part.message_count for part in parts),
        "topics_with_message_count": [_topic(topic) for topic in topics],
        "compression_format": "",
        "compression_mode": "",
        "relative_file_paths": [part.path for part in parts],
        "files": [_file(part) for part in parts],
        "custom_data": dict(custom_data) or None,
        "ros_distro": ROS_DISTRO,
    }


def to_yaml(data: Mapping[str, Any]) -> str:
    return yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True, width=1000)


def write(folder: Path, description: Mapping[str, Any]) -> None:
    """Write `folder`/metadata.yaml, whole or not at all."""
    with files.replacing(folder / FILE_NAME) as target:
        target.write_text(to_yaml({"rosbag2_bagfile_information": description}), encoding="utf-8")


def read(folder: Path) -> tuple[dict[str, Any] | None, str]:
    """The description in `folder`, None without one; and what is wrong with it ("" when nothing is)."""
    path = folder / FILE_NAME
    if not path.exists():
        return None, f"there is no {FILE_NAME} (its recorder was killed, or is still running)"
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))["rosbag2_bagfile_information"]
        return dict(found), ""
    except OSError as error:
        return None, f"{FILE_NAME} cannot be read: {error.strerror}"
    except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError, ValueError):
        return None, f"{FILE_NAME} is damaged"


def custom_data_of(description: Mapping[str, Any]) -> dict[str, str]:
    found = description.get("custom_data")
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


def _topic(topic: TopicSummary) -> dict[str, Any]:
    return {
        "topic_metadata": {
            "name": topic.name,
            "type": topic.type,
            "serialization_format": topic.serialization,
            "offered_qos_profiles": qos.parse(topic.qos),
            "type_description_hash": topic.type_hash,
        },
        "message_count": topic.message_count,
    }


def _file(part: FileSummary) -> dict[str, Any]:
    filled = part.message_count > 0
    return {
        "path": part.path,
        "starting_time": {"nanoseconds_since_epoch": part.start_ns if filled else NEVER_NS},
        "duration": {"nanoseconds": part.end_ns - part.start_ns if filled else 0},
        "message_count": part.message_count,
    }
