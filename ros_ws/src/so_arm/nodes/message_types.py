"""Message types by their name, and quality of service as a bag keeps it."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

from rclpy.duration import Duration
from rclpy.qos import QoSDurabilityPolicy, QoSHistoryPolicy, QoSProfile, QoSReliabilityPolicy

from so_arm.core.errors import UserError
from so_arm.data.bags import qos

_POLICIES = ("history", "reliability", "durability", "liveliness")
_DURATIONS = ("deadline", "lifespan", "liveliness_lease_duration")
_FOREVER_NS = 2**63 - 1
USUAL_DEPTH, PLAYED_DEPTH, ALL_DEPTH = 10, 100, 1000


def message_type(name: str) -> Any:
    """The class of e.g. "sensor_msgs/msg/Image"; UserError when its package is not installed."""
    package, _, rest = name.partition("/")
    module, _, kind = rest.rpartition("/")
    try:
        return getattr(import_module(f"{package}.{module}"), kind)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise UserError(f"the type {name} is not installed") from error


def as_recorded(profiles: Sequence[QoSProfile]) -> str:
    """`profiles` of publishers as a bag keeps them."""
    return qos.dump(qos.parse([_as_data(profile) for profile in profiles]))


def as_published(text: str) -> QoSProfile:
    """What a publisher is to offer so that it is like those that were recorded."""
    profile = QoSProfile(history=QoSHistoryPolicy.KEEP_LAST, depth=PLAYED_DEPTH)
    found = qos.parse(text)
    if not found:
        return profile
    # Subscribers of any of them are to be served: the most that one of the publishers offered.
    best_effort = all(item["reliability"] == "best_effort" for item in found)
    latched = any(item["durability"] == "transient_local" for item in found)
    keeps_all = any(item["history"] == "keep_all" for item in found)
    profile.reliability = QoSReliabilityPolicy.BEST_EFFORT if best_effort else QoSReliabilityPolicy.RELIABLE
    profile.durability = QoSDurabilityPolicy.TRANSIENT_LOCAL if latched else QoSDurabilityPolicy.VOLATILE
    # How much is kept for subscribers that are slow, or late, is no promise to them; most bags do not know it (0).
    least = USUAL_DEPTH if latched else PLAYED_DEPTH
    profile.depth = ALL_DEPTH if keeps_all else max(least, *(item["depth"] for item in found))
    return profile


def to_subscribe(profiles: Sequence[QoSProfile], depth: int) -> QoSProfile:
    """What hears all publishers with `profiles`, and has room for `depth` messages."""
    reliable = all(profile.reliability == QoSReliabilityPolicy.RELIABLE for profile in profiles)
    latched = all(profile.durability == QoSDurabilityPolicy.TRANSIENT_LOCAL for profile in profiles)
    return QoSProfile(
        history=QoSHistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=QoSReliabilityPolicy.RELIABLE if reliable else QoSReliabilityPolicy.BEST_EFFORT,
        durability=QoSDurabilityPolicy.TRANSIENT_LOCAL if latched else QoSDurabilityPolicy.VOLATILE,
    )


def _as_data(profile: QoSProfile) -> dict[str, Any]:
    policies = {name: getattr(profile, name).name.lower() for name in _POLICIES}
    durations = {name: _seconds(getattr(profile, name)) for name in _DURATIONS}
    return {"depth": profile.depth, **policies, **durations}


def _seconds(duration: Duration) -> dict[str, int]:
    nanoseconds = min(duration.nanoseconds, _FOREVER_NS)
    return {"sec": nanoseconds // 10**9, "nsec": nanoseconds % 10**9}
