"""How well an arm followed what it was told, and how much like another arm it moved."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: The lag is looked for up to here.
_LONGEST_LAG_S, _LAG_STEP_S = 0.5, 0.001


@dataclass(frozen=True)
class Following:
    """All (6,) in ``JOINT_NAMES`` order [degrees]: RMS of one motion - another.

    lag_s: by how much the measured motion is later than the commands. rms_deg: measured - commanded;
    rms_after_lag_deg: the same with the commands that much later, which leaves sag and friction.
    """

    lag_s: float
    rms_deg: list[float]
    rms_after_lag_deg: list[float]


def rms_deg(difference_rad: np.ndarray) -> list[float]:
    """Of (T, n) [rad], per joint."""
    return [float(value) for value in np.degrees(np.sqrt(np.mean(np.square(difference_rad), axis=0)))]


def at_times(time_s: np.ndarray, position: np.ndarray, wanted_s: np.ndarray) -> np.ndarray:
    """`position` (N, n) measured at `time_s` (N,), on the straight lines between, at `wanted_s` (T,): (T, n)."""
    return np.column_stack([np.interp(wanted_s, time_s, column) for column in position.T])


def following(time_s: np.ndarray, action: np.ndarray, measured: np.ndarray, joints: slice = slice(None)) -> Following:
    """`measured` (T, 6) [rad] at `time_s` (T,), commanded by `action` (T, 6); the lag is that of `joints` together."""

    def late(lag_s: float) -> np.ndarray:
        return measured - at_times(time_s, action, time_s - lag_s)

    lags_s = np.arange(0.0, _LONGEST_LAG_S, _LAG_STEP_S)
    lag_s = min(lags_s.tolist(), key=lambda lag: float(np.square(late(lag)[:, joints]).sum()))
    return Following(lag_s, rms_deg(measured - action), rms_deg(late(lag_s)))
