"""One episode of any LeRobot v3 dataset of this arm: commands, states and when, in radians. No images are read."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
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


class RecordedEpisodes:
    """The episodes of the LeRobot v3 dataset in `root`; `units` None means those that the metadata tell."""

    def __init__(self, root: Path, units: JointUnits | None = None, calibration: Calibration | None = None) -> None:
        self.root = root
        self.info = load_info(root)
        self.fps = float(self.info["fps"])
        self._calibration = calibration
        self._order = {key: _order(root, self.info, key) for key in (ACTION, STATE)}
        names = self.info["features"][ACTION]["names"]
        known = units or units_of(Record.load(root), names)
        if known is None:
            choices = ", ".join(unit.value for unit in JointUnits)
            raise UserError(f"{root} does not tell its units (names {names}); give --units, one of {choices}")
        self.units = known

    def __len__(self) -> int:
        return int(self.info.get("total_episodes", 0))

    def episode(self, number: int) -> RecordedEpisode:
        """Episode `number`, from 0 on; UserError when its rows are not those of an arm in these units."""
        self.check_number(number)
        table = self._rows(number, (ACTION, STATE, "timestamp"))
        columns = {}
        for key, index in self._order.items():
            values = np.stack(table[key].to_numpy()).astype(np.float64)[:, index]
            if not np.isfinite(values).all():
                raise UserError(f"{self.root}: {key} of episode {number} holds values that are not finite")
            columns[key] = to_rad(values, self.units, self._calibration)
            check_fit(values, columns[key], self.units, f"{self.root}: {key} of episode {number}")
        time_s = table["timestamp"].to_numpy().astype(np.float64)
        if len(time_s) < 2 or (np.diff(time_s) <= 0).any():
            raise UserError(f"{self.root}: the time stamps of episode {number} do not grow")
        return RecordedEpisode(columns[ACTION], columns[STATE], time_s - time_s[0], self.fps, self.units)

    def scalars(self, number: int, feature: str) -> np.ndarray | None:
        """One value per frame (T,) of a feature of shape (1,); None for a dataset without the feature."""
        if feature not in self.info["features"]:
            return None
        column = self._rows(number, (feature,))[feature].to_pylist()
        return np.array([value[0] if isinstance(value, list) else value for value in column])

    def check_number(self, number: int) -> None:
        """UserError when there is no episode of this number."""
        if not 0 <= number < len(self):
            raise UserError(f"{self.root} has {_counted(len(self))}, there is no episode {number}")

    def _rows(self, number: int, columns: Sequence[str]) -> pa.Table:
        """The frames of one episode in their order; only the files that may hold it are read."""
        filters = [("episode_index", "=", number)]
        wanted = [*columns, "frame_index", "episode_index"]
        try:
            paths = [path for path, (first, last) in self._spans.items() if first <= number <= last]
            found = [pq.read_table(path, columns=wanted, filters=filters) for path in paths]
        except (pa.ArrowException, OSError, KeyError) as error:
            raise UserError(f"{self.root}/data cannot be read: {error}") from error
        if not sum(map(len, found)):
            raise UserError(f"{self.root}: data/ holds no frame of episode {number}")
        return pa.concat_tables(found).sort_by("frame_index")

    @cached_property
    def _spans(self) -> dict[Path, tuple[float, float]]:
        """File to the first and the last episode that it may hold."""
        paths = sorted((self.root / "data").rglob("*.parquet"))
        if not paths:
            raise UserError(f"{self.root}/data holds no parquet file")
        return {path: _span(path) for path in paths}


def read_episode(
    root: Path, episode: int, units: JointUnits | None = None, calibration: Calibration | None = None
) -> RecordedEpisode:
    """Episode number `episode` of the dataset in `root`; see `RecordedEpisodes`."""
    return RecordedEpisodes(root, units, calibration).episode(episode)


def _span(path: Path) -> tuple[float, float]:
    metadata = pq.read_metadata(path)
    column = metadata.schema.names.index("episode_index")
    found = [metadata.row_group(group).column(column).statistics for group in range(metadata.num_row_groups)]
    if not all(statistics is not None and statistics.has_min_max for statistics in found):
        return -math.inf, math.inf
    return min((each.min for each in found), default=math.inf), max((each.max for each in found), default=-math.inf)


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
