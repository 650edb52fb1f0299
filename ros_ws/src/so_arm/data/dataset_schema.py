"""What a dataset of this arm holds: LeRobot v3 features, names and units, and the check that two of them match."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from so_arm.core import files
from so_arm.core.calibration_formats import lerobot_text, read_calibration
from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES, NUM_JOINTS
from so_arm.data.dataset_kind import check_version, not_a_dataset
from so_arm.data.dataset_staging import INFO, RECORD_FILE

STATE = "observation.state"
ACTION = "action"
IMAGE_PREFIX = "observation.images."
#: Columns that a recording may have besides.
REWARD, SUCCESS, INTERVENTION = "reward", "success", "intervention"
_COLUMN_TYPES = {REWARD: "float32", SUCCESS: "bool", INTERVENTION: "bool"}
ROBOT_TYPE = "so100_follower"
FEATURE_NAMES = [f"{name}.pos" for name in JOINT_NAMES]
#: Units of the state and action columns, as LeRobot's follower with ``use_degrees`` records them.
UNITS = {"body": "degree", "gripper": "0..100"}


def features(cameras: Mapping[str, tuple[int, int]], columns: Collection[str] = ()) -> dict[str, dict[str, Any]]:
    """LeRobot feature dictionary for `cameras` (name -> height, width [px]) and more `columns`."""
    images = {
        IMAGE_PREFIX + name: {"dtype": "video", "shape": (*size, 3), "names": ["height", "width", "channels"]}
        for name, size in cameras.items()
    }
    joints = {
        key: {"dtype": "float32", "shape": (NUM_JOINTS,), "names": list(FEATURE_NAMES)} for key in (STATE, ACTION)
    }
    more = {name: {"dtype": _COLUMN_TYPES[name], "shape": (1,), "names": None} for name in columns}
    return {**joints, **more, **images}


def recording_columns(reward: bool) -> tuple[str, ...]:
    """Columns of a recording besides state, action and images. reward: a reward topic is there."""
    return (REWARD, SUCCESS, INTERVENTION) if reward else (SUCCESS, INTERVENTION)


def calibration_hash(file: str) -> str:
    """SHA-256 of what a calibration file says, in whichever format and layout; empty where `file` is.

    UserError: it cannot be read.
    """
    return hashlib.sha256(lerobot_text(read_calibration(Path(file))).encode()).hexdigest() if file else ""


@dataclass
class Record:
    """Contents of ``meta/so_arm.json``: what LeRobot's metadata does not say.

    `notes` has one free-form entry per episode (seed, steps, ...); `extra` belongs to whoever records.
    `manifest` lists the files of all episodes, relative to the dataset. `complete`: False only in datasets that an
    earlier version was writing when it died. `calibration`: hash of the arm's calibration, empty where it has none.
    """

    units: dict[str, str] = field(default_factory=lambda: dict(UNITS))
    notes: list[dict[str, Any]] = field(default_factory=list)
    extra: dict[str, Any] = field(default_factory=dict)
    manifest: list[str] = field(default_factory=list)
    complete: bool = True
    calibration: str = ""

    @classmethod
    def load(cls, root: Path) -> Record | None:
        """The record of the dataset in `root`, None where there is none."""
        path = root / RECORD_FILE
        if not path.is_file():
            return None
        try:
            return cls(**json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise UserError(f"{path} is damaged: {error}") from error

    def save(self, root: Path) -> None:
        files.write_json(root / RECORD_FILE, self.__dict__)


def load_info(root: Path) -> dict[str, Any]:
    """LeRobot's ``meta/info.json``; UserError when `root` is not a LeRobot v3 dataset."""
    path = root / INFO
    if not path.is_file():
        raise not_a_dataset(root)
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is damaged: {error}") from error
    check_version(root, info)
    return info


def cameras_of(info: Mapping[str, Any]) -> dict[str, tuple[int, int]]:
    """Camera name -> (height, width) [px] of a dataset, in the order of its features."""
    return {
        key.removeprefix(IMAGE_PREFIX): (int(feature["shape"][0]), int(feature["shape"][1]))
        for key, feature in info["features"].items()
        if key.startswith(IMAGE_PREFIX)
    }


def check_joint_features(root: Path, info: Mapping[str, Any]) -> None:
    """Refuse a dataset whose state or action are not the six joints of this arm, in this order."""
    for key in (STATE, ACTION):
        if key not in info["features"]:
            raise UserError(f"{root}: feature {key} is missing")
        names = info["features"][key].get("names")
        if names != FEATURE_NAMES:
            raise UserError(f"{root}: names of {key} are {names}, expected {FEATURE_NAMES}")


def columns_of(info: Mapping[str, Any]) -> list[str]:
    """Which of the optional columns a dataset has."""
    return [name for name in _COLUMN_TYPES if name in info["features"]]


def check_appendable(
    root: Path,
    cameras: Mapping[str, tuple[int, int]],
    fps: int,
    columns: Collection[str] = (),
    calibration: str = "",
) -> None:
    """Refuse to append to a dataset that differs in joint names, units, rate, cameras, columns or calibration; names
    the field."""
    info = load_info(root)
    check_joint_features(root, info)
    record = Record.load(root)
    units = record.units if record else None
    for what, found, expected in (
        ("units", units, UNITS),
        ("fps", info.get("fps"), fps),
        ("robot_type", info.get("robot_type"), ROBOT_TYPE),
        ("cameras", cameras_of(info), dict(cameras)),
        ("columns", columns_of(info), [name for name in _COLUMN_TYPES if name in columns]),
        ("calibration", record.calibration if record else "", calibration),
    ):
        if found != expected:
            raise UserError(
                f"{root}: {what} is {found or 'none'}, but this recording has {expected or 'none'};"
                " choose another folder"
            )
