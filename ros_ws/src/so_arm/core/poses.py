"""Poses that driver and simulation agree on; (6,) [rad] in ``JOINT_NAMES`` order."""

from __future__ import annotations

#: Where episodes start: arm raised in front of the base, gripper open and pointing down above the work area.
HOME_POSE = (0.0, -0.9, 0.7, 1.45, -1.57, 0.6)
#: Folded up and lying on itself, so that nothing falls when torque goes off.
REST_POSE = (0.0, -1.745, 1.565, 1.25, -1.57, -0.1)
