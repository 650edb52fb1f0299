"""Quality of service as a bag keeps it: YAML with one entry per publisher, in words (Jazzy) or numbers (before)."""

from __future__ import annotations

from typing import Any

import yaml

#: What the numbers of bags from before Jazzy mean, by policy.
WORDS = {
    "history": ("system_default", "keep_last", "keep_all", "unknown"),
    "reliability": ("system_default", "reliable", "best_effort", "unknown", "best_available"),
    "durability": ("system_default", "transient_local", "volatile", "unknown", "best_available"),
    "liveliness": ("system_default", "automatic", "manual_by_node", "manual_by_topic", "unknown", "best_available"),
}
_DURATIONS = ("deadline", "lifespan", "liveliness_lease_duration")
_FOREVER = {"sec": 9223372036, "nsec": 854775807}


def profile(reliability: str, durability: str, depth: int, history: str = "keep_last") -> dict[str, Any]:
    """One publisher's quality of service, complete."""
    return _complete({"history": history, "depth": depth, "reliability": reliability, "durability": durability})


def parse(text: str | list[dict[str, Any]] | None) -> list[dict[str, Any]]:
    """The profiles in `text` (YAML, or parsed already), in words and complete; none when nothing can be made of it."""
    try:
        found = yaml.safe_load(text) if isinstance(text, str) else text
        return [_complete(item) for item in found or []]
    except (yaml.YAMLError, TypeError, AttributeError, ValueError):
        return []


def dump(profiles: list[dict[str, Any]]) -> str:
    """`profiles` as the YAML of a channel; empty for none."""
    return yaml.safe_dump(profiles, sort_keys=False).strip() if profiles else ""


def _complete(given: dict[str, Any]) -> dict[str, Any]:
    policies = {name: _word(words, given.get(name, "unknown")) for name, words in WORDS.items()}
    durations = {name: _duration(given.get(name, {})) for name in _DURATIONS}
    return {
        "history": policies["history"],
        "depth": int(given.get("depth", 0)),
        "reliability": policies["reliability"],
        "durability": policies["durability"],
        "deadline": durations["deadline"],
        "lifespan": durations["lifespan"],
        "liveliness": policies["liveliness"] if "liveliness" in given else "automatic",
        "liveliness_lease_duration": durations["liveliness_lease_duration"],
        "avoid_ros_namespace_conventions": bool(given.get("avoid_ros_namespace_conventions", False)),
    }


def _word(words: tuple[str, ...], value: int | str) -> str:
    if isinstance(value, str):
        return value.lower()
    return words[value] if 0 <= value < len(words) else "unknown"


def _duration(given: dict[str, int]) -> dict[str, int]:
    """As it is: readers compare what the metadata say with what the file says. For ever where nothing is said."""
    return {part: int(given.get(part, value)) for part, value in _FOREVER.items()}
