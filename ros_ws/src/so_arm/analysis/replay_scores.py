"""How a policy's answers compare with what was done in one recorded episode. Angles in degrees, the jaw's too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from so_arm.core.joints import JOINT_NAMES
from so_arm.core.predictions import Predictions
from so_arm.data.recordings.recording import RecordedFrames

#: Beside the joints: all six together.
ALL = "all"
#: A correction counts as saturated from this share of its bound on; tanh never quite gets there.
SATURATED = 0.99

Row = Mapping[str, float]  # joint name or "all" to a figure


def score(
    frames: RecordedFrames, predictions: Predictions, fps: float, bound_rad: np.ndarray | None = None
) -> dict[str, Any]:
    """Figures of one episode, ready for JSON. docs/replay.md says what each means.

    fps: control rate [Hz]. bound_rad: (6,) largest correction of the residual [rad]; None without a residual.
    Figures of nothing (no join, an episode of three ticks) are NaN.
    """
    recorded, predicted = np.degrees(frames.action), np.degrees(predictions.action)
    joins = _joins(predictions)
    executed, ahead = predicted - recorded, _errors_ahead(recorded, predictions)
    together = ahead.reshape(-1, len(JOINT_NAMES))
    return {
        "chunks": len(predictions.chunks),
        "error_by_step": _by_step(ahead),
        "chunk_error": {"mae_deg": _mean(np.abs(together)), "rmse_deg": _rms(together)},
        "executed_error": {"mae_deg": _mean(np.abs(executed)), "rmse_deg": _rms(executed)},
        "jerk": _jerk(predicted, recorded, joins, fps),
        "jumps": _jumps(predicted, joins),
        "residual": _residual(predictions, bound_rad),
        "without_chunk_share": float(np.isnan(predicted[:, 0]).mean()),
        "without_fresh_chunk_share": float((~predictions.fresh).mean()),
    }


def _errors_ahead(recorded: np.ndarray, predictions: Predictions) -> np.ndarray:
    """(chunks, steps, 6) [degree]; NaN beyond the end of a chunk or of the episode."""
    longest = max((len(steps) for _, steps in predictions.chunks), default=0)
    errors = np.full((len(predictions.chunks), longest, len(JOINT_NAMES)), np.nan)
    for row, (tick, steps) in enumerate(predictions.chunks):
        reached = min(len(steps), len(recorded) - tick)
        errors[row, :reached] = np.degrees(steps[:reached]) - recorded[tick : tick + reached]
    return errors


def _by_step(errors: np.ndarray) -> dict[str, Any]:
    """By steps ahead, 0 is the tick of the observation. count: chunks whose step fell into the episode."""
    steps = [rows for rows in (_answered(errors[:, step]) for step in range(errors.shape[1])) if len(rows)]
    return {
        "count": [len(rows) for rows in steps],
        "mae_deg": _columns([_mean(np.abs(rows)) for rows in steps]),
        "rmse_deg": _columns([_rms(rows) for rows in steps]),
    }


def _joins(predictions: Predictions) -> np.ndarray:
    """(T,) whether a chunk took over from another one at the tick; the first one of an episode does not."""
    joins = np.zeros(len(predictions.fresh), dtype=bool)
    took_over = [tick + predictions.delay for tick, _ in predictions.chunks[1:]]
    joins[[tick for tick in took_over if tick < len(joins)]] = True
    return joins


def _jerk(predicted: np.ndarray, recorded: np.ndarray, joins: np.ndarray, fps: float) -> dict[str, Row]:
    """RMS of the third difference [deg/s^3]; at_joins: of the four ticks that a join lies between."""
    ours, theirs = (np.diff(values, n=3, axis=0) * fps**3 for values in (predicted, recorded))
    across = np.array([joins[first + 1 : first + 4].any() for first in range(len(ours))], dtype=bool)
    return {
        "predicted_deg_s3": _rms(ours),
        "predicted_at_joins_deg_s3": _rms(ours[across]),
        "recorded_deg_s3": _rms(theirs),
    }


def _jumps(predicted: np.ndarray, joins: np.ndarray) -> dict[str, Any]:
    """Change of the target from the tick before a join to the join, and of the other ticks to compare with."""
    steps, at = np.abs(np.diff(predicted, axis=0)), joins[1:]
    return {
        "joins": int(at.sum()),
        "at_joins_mean_deg": _mean(steps[at]),
        "at_joins_max_deg": _max(steps[at]),
        "elsewhere_mean_deg": _mean(steps[~at]),
    }


def _residual(predictions: Predictions, bound_rad: np.ndarray | None) -> dict[str, Row]:
    size = np.abs(predictions.residual)
    bound = np.full(len(JOINT_NAMES), np.inf) if bound_rad is None else np.asarray(bound_rad)
    # A joint with bound zero cannot be corrected at all; that is not saturation.
    saturated = (size >= SATURATED * bound) & (bound > 0.0)
    answered = ~np.isnan(size[:, 0])
    return {
        "mean_abs_deg": _mean(np.degrees(size)),
        "max_abs_deg": _max(np.degrees(size)),
        "saturated_share": _mean(saturated[answered].astype(float)),
    }


def _answered(values: np.ndarray) -> np.ndarray:
    """Rows (n, 6) without those that no chunk answered."""
    return values[~np.isnan(values).any(axis=1)]


def _mean(values: np.ndarray) -> Row:
    rows = _answered(values)
    each = rows.mean(axis=0) if len(rows) else np.full(len(JOINT_NAMES), np.nan)
    return _named(each, float(each.mean()))


def _rms(values: np.ndarray) -> Row:
    rows = _answered(values)
    squares = (rows**2).mean(axis=0) if len(rows) else np.full(len(JOINT_NAMES), np.nan)
    return _named(np.sqrt(squares), float(np.sqrt(squares.mean())))


def _max(values: np.ndarray) -> Row:
    rows = _answered(values)
    each = rows.max(axis=0) if len(rows) else np.full(len(JOINT_NAMES), np.nan)
    return _named(each, float(each.max()))


def _named(each: np.ndarray, together: float) -> Row:
    return {**dict(zip(JOINT_NAMES, each.tolist(), strict=True)), ALL: together}


def _columns(rows: list[Row]) -> dict[str, list[float]]:
    return {name: [row[name] for row in rows] for name in (*JOINT_NAMES, ALL)}
