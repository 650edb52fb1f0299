"""Where the arm stands when an episode starts."""

from __future__ import annotations

import numpy as np

from so_arm.core.joints import LOWER_RAD, NUM_JOINTS, UPPER_RAD

#: Start pose [rad]: gripper open, pointing down, above the middle of the work area.
HOME_RAD = np.array([0.0, -0.9, 0.7, 1.45, -1.57, 0.6])
HOME_RAD.setflags(write=False)
#: Half-width of the start pose's variation [rad].
HOME_SPREAD_RAD = 0.03
#: Folded up and lying on itself: where an arm without power is at rest.
REST_RAD = np.array([0.0, -1.745, 1.565, 1.25, -1.57, -0.1])
REST_RAD.setflags(write=False)


def draw_start(rng: np.random.Generator) -> np.ndarray:
    """Start pose (6,) [rad] of an episode; the first thing that is drawn after its randomisation."""
    return np.clip(HOME_RAD + rng.uniform(-1, 1, NUM_JOINTS) * HOME_SPREAD_RAD, LOWER_RAD, UPPER_RAD)
