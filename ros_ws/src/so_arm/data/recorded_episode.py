"""One episode of any LeRobot v3 dataset of this arm: commands, states and when, in radians. No images are read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from so_arm.core.calibration import Calibration
from so_arm.core.errors import UserError
from so_arm.core.joints import NUM_JOINTS, index_by_name
from so_arm.data.dataset_schema import ACTION, STATE, Record, load_info
from so_arm.data.episode_units import check_fit, joint_names, to_rad, units_of
from so_arm.data.joint_units import JointUnits


@dataclass(frozen=True)
class RecordedEpisode:
    """T frames. The recorder read state k at time k and sent action k then.

    action, state: (T, 6) [rad] in ``JOINT_NAMES`` order. time_s: (T,) [s], from 0 on.
    """

    action: np.ndarray
    state: np.ndarray
    time_s: np.ndarray
    fps: float
    units: JointUnits

    def __len__(self) -> int:
        return len(self.action)


def read_episode(
    root: Path, episode: int, units: JointUnits | None = None, calibration: Calibration | None = None
) -> RecordedEpisode:
    """Episode number `episode` of the LeRobot v3 dataset in `root`; `units` None means those the metadata tell."""
    info = load_info(root)
    total = int(info.get("total_episodes", 0))
    if not 0 <= episode < total:
        raise UserError(f"{root} has {_counted(total)}, there is no episode {episode}")
    order = {key: _order(root, info, key) for key in (ACTION, STATE)}
    names = info["features"][ACTION]["names"]
    units = units or units_of(Record.load(root), names)
    if units is None:
        choices = ", ".join(unit.value for unit in JointUnits)
        raise UserError(f"{root} does not tell its units (names {names}); give --units, one of {choices}")
    table = _rows(root, episode)
    columns = {}
    for key, index in order.items():
        values = np.stack(table[key].to_numpy()).astype(np.float64)[:, index]
        if not np.isfinite(values).all():
            raise UserError(f"{root}: {key} of episode {episode} holds values that are not finite")
        columns[key] = to_rad(values, units, calibration)
        check_fit(values, columns[key], units, f"{root}: {key} of episode {episode}")
    time_s = table["timestamp"].to_numpy().astype(np.float64)
    if len(time_s) < 2 or (np.diff(time_s) <= 0).any():
        raise UserError(f"{root}: the time stamps of episode {episode} do not grow")
    return RecordedEpisode(columns[ACTION], columns[STATE], time_s - time_s[0], float(info["fps"]), units)


def _counted(total: int) -> str:
    return "no episode" if total < 1 else "episode 0 only" if total == 1 else f"episodes 0 to {total - 1}"


def _order(root: Path, info: dict[str, Any], key: str) -> np.ndarray:
    """Where our joints (6,) are in feature `key`."""
    feature = info["features"].get(key)
    if feature is None:
        raise UserError(f"{root}: feature {key} is missing")
    names = joint_names(feature.get("names"))
    if list(feature.get("shape", [])) != [NUM_JOINTS] or len(names) != NUM_JOINTS:
        raise UserError(
            f"{root}: {key} has shape {feature.get('shape')} and names {feature.get('names')}, not six joints"
        )
    return index_by_name(names, f"{root}: names of {key}")


def _rows(root: Path, episode: int) -> pa.Table:
    columns = [ACTION, STATE, "timestamp", "frame_index", "episode_index"]
    paths = sorted((root / "data").rglob("*.parquet"))
    if not paths:
        raise UserError(f"{root}/data holds no parquet file")
    filters = [("episode_index", "=", episode)]
    try:
        found = [pq.read_table(path, columns=columns, filters=filters) for path in paths]
    except (pa.ArrowException, OSError, KeyError) as error:
        raise UserError(f"{root}/data cannot be read: {error}") from error
    table = pa.concat_tables(found).sort_by("frame_index")
    if not len(table):
        raise UserError(f"{root}: data/ holds no frame of episode {episode}")
    return table
