"""The message definition of a type, complete with those of the types in it, and the hash ROS 2 tells types apart by."""

from __future__ import annotations

import json
import os
import re
from functools import cache
from pathlib import Path

from so_arm.data.ros_types import jazzy

_SEPARATOR = "=" * 80
_BUILT_IN = {"bool", "byte", "char", "float32", "float64", "int8", "uint8", "int16", "uint16", "int32", "uint32"}
_BUILT_IN |= {"int64", "uint64", "string", "wstring"}
_FIELD = re.compile(r"^\s*([A-Za-z][\w/]*)(?:<=\d+)?(?:\[[^\]]*\])?\s+\w+", re.MULTILINE)


@cache
def definition_of(kind: str) -> str:
    """The definition of `kind` (e.g. "sensor_msgs/msg/Image"), from the types of Jazzy or those installed; else ""."""
    if kind in jazzy().fielddefs:
        return jazzy().generate_msgdef(kind, ros_version=2)[0]
    own = _installed(kind, "msg")
    if own is None:
        return ""
    texts, waiting = [own], _inner_types(own, kind)
    known = [kind]
    while waiting:
        inner = waiting.pop(0)
        if inner in known:
            continue
        known.append(inner)
        found = _installed(inner, "msg")
        if found is None:
            return ""
        package, _, name = inner.split("/")
        texts.append(f"{_SEPARATOR}\nMSG: {package}/{name}\n{found}")
        waiting += _inner_types(found, inner)
    return "\n".join(texts)


@cache
def hash_of(kind: str) -> str:
    """The RIHS01 hash of `kind`; "" where neither Jazzy nor an installed package knows it."""
    if kind in jazzy().fielddefs:
        return jazzy().hash_rihs01(kind)
    hashes = json.loads(_installed(kind, "json") or "{}").get("type_hashes", [])
    return next((entry["hash_string"] for entry in hashes if entry.get("type_name") == kind), "")


def _installed(kind: str, suffix: str) -> str | None:
    """The file that an installed ROS package has for `kind`."""
    for prefix in filter(None, os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep)):
        package, *rest = kind.split("/")
        path = Path(prefix, "share", package, *rest).with_suffix(f".{suffix}")
        if path.is_file():
            return path.read_text(encoding="utf-8")
    return None


def _inner_types(text: str, kind: str) -> list[str]:
    """Types of the fields in a .msg file, by full name."""
    package = kind.split("/")[0]
    words = [word for word in _FIELD.findall(re.sub(r"#.*", "", text)) if word not in _BUILT_IN]
    full = [word if "/" in word else f"{package}/{word}" for word in words]
    return [f"{word.split('/')[0]}/msg/{word.split('/')[-1]}" for word in full]
