"""How smooth a sequence of joint targets is."""

from __future__ import annotations

import math

import numpy as np


def rms_acceleration(targets: np.ndarray, period_s: float) -> float:
    """RMS over ticks and joints of the second difference of `targets` (T, 6) [rad] over `period_s` squared [rad/s^2].

    ``sqrt(mean(((q[t+1] - 2 q[t] + q[t-1]) / dt^2)^2))``; NaN for fewer than three ticks. Less is smoother.
    """
    if len(targets) < 3:
        return math.nan
    second = np.diff(targets, n=2, axis=0) / period_s**2
    return float(np.sqrt(np.mean(second**2)))
