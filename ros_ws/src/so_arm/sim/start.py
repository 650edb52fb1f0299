"""Where the arm stands when an episode starts."""

from __future__ import annotations

import numpy as np

from so_arm.core.joints import LOWER_RAD, NUM_JOINTS, UPPER_RAD
from so_arm.core.poses import HOME_POSE, REST_POSE

HOME_RAD = np.array(HOME_POSE)
HOME_RAD.setflags(write=False)
#: Half-width of the start pose's variation [rad].
HOME_SPREAD_RAD = 0.03
REST_RAD = np.array(REST_POSE)
REST_RAD.setflags(write=False)


def draw_start(rng: np.random.Generator) -> np.ndarray:
    """Start pose (6,) [rad] of an episode; the first thing that is drawn after its randomisation."""
    return np.clip(HOME_RAD + rng.uniform(-1, 1, NUM_JOINTS) * HOME_SPREAD_RAD, LOWER_RAD, UPPER_RAD)
