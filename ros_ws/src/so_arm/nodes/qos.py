"""Quality of service, one place: publishers are reliable, control subscribers take the newest or nothing."""

from __future__ import annotations

from rclpy.qos import QoSDurabilityPolicy, QoSHistoryPolicy, QoSProfile, QoSReliabilityPolicy


def _profile(depth: int, reliable: bool = True, latched: bool = False) -> QoSProfile:
    return QoSProfile(
        history=QoSHistoryPolicy.KEEP_LAST,
        depth=depth,
        reliability=QoSReliabilityPolicy.RELIABLE if reliable else QoSReliabilityPolicy.BEST_EFFORT,
        durability=QoSDurabilityPolicy.TRANSIENT_LOCAL if latched else QoSDurabilityPolicy.VOLATILE,
    )


#: Publishers.
STATE = _profile(10)
#: The control path takes the newest; a queue of one would have nothing to send again to a recorder that lacks one.
COMMAND = _profile(10)
IMAGE = _profile(2)
#: Publishers and subscribers of topics whose last message is what counts: /episode/info, /robot_description.
LATCHED = _profile(1, latched=True)
#: Subscribers inside the control path.
CONTROL = _profile(1, reliable=False)
#: Subscribers that must see everything: recorders, the episode runner.
RECORDER = _profile(1000)
#: The same of topics that are latched: an end and the next beginning may come at once.
RECORDER_LATCHED = _profile(1000, latched=True)
