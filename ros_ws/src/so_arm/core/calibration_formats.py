"""From the text of a calibration file to a ``Calibration``, whichever of the known programs wrote it, and back.

Every text either becomes a calibration or is refused with one UserError that names file, joint, field and reason.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NoReturn

from so_arm.core.calibration import FIELDS, Calibration, JointCalibration, Remark, shown
from so_arm.core.calibration_checks import implausible
from so_arm.core.calibration_conversion import from_lists, from_phosphobot
from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES, index_by_name

MAX_FILE_BYTES = 1_000_000
KNOWN = "LeRobot's JSON, the older LeRobot lists, phosphobot's config"
_UNCHECKED = Remark(
    "converted from another format, which does not tell the servos' offset register (taken to have been 0); "
    "compare the pose of every joint before the arm moves"
)


def read_calibration(path: Path) -> Calibration:
    """Calibration in the file `path`."""
    try:
        with path.expanduser().open("rb") as stream:
            data = stream.read(MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UserError(f"{path} cannot be read: {reason}") from error
    if len(data) > MAX_FILE_BYTES:
        raise UserError(f"{path}: this is not a calibration file: it is larger than {MAX_FILE_BYTES // 1000} kB")
    return parse_calibration(data, str(path))


def parse_calibration(text: str | bytes, source: str) -> Calibration:
    """Calibration in the JSON `text`; `source` names the file in messages."""
    data = _json_object(text, source)
    read = _reader(data)
    if read is None:
        raise UserError(f"{source}: this is not a calibration file; known are {KNOWN}")
    try:
        calibration = read(data)
    except UserError as error:
        raise UserError(f"{source}: {error}") from error
    unchecked = (_UNCHECKED,) if calibration.converted else ()
    return replace(calibration, warnings=unchecked + calibration.warnings + implausible(calibration.joints))


def lerobot_text(calibration: Calibration) -> str:
    """LeRobot's calibration file, byte for byte as LeRobot writes it."""
    return json.dumps({name: asdict(joint) for name, joint in calibration.joints.items()}, indent=4)


def _reader(data: dict[str, Any]) -> Callable[[dict[str, Any]], Calibration] | None:
    """What understands `data`, told by the keys that only one format has."""
    if data.keys() & {"servos_offsets", "servos_calibration_position", "servos_offsets_signs"}:
        return from_phosphobot
    if data.keys() & {"motor_names", "calib_mode", "start_pos", "end_pos"}:
        return from_lists
    if data.keys() & set(JOINT_NAMES) or any(set(FIELDS) <= set(value) for value in data.values() if _is_object(value)):
        return _from_lerobot
    return None


def _from_lerobot(data: dict[str, Any]) -> Calibration:
    index_by_name([shown(name).strip("'") for name in data], "this file")
    return Calibration({name: _lerobot_joint(name, values) for name, values in data.items()})


def _lerobot_joint(name: str, values: object) -> JointCalibration:
    if not isinstance(values, dict):
        raise UserError(f"joint '{name}': {shown(values)} is not an object with {', '.join(FIELDS)}")
    missing = [field for field in FIELDS if field not in values]
    unknown = [shown(field) for field in values if field not in FIELDS]
    if missing:
        raise UserError(f"joint '{name}', field {missing[0]}: missing; each joint has {', '.join(FIELDS)}")
    if unknown:
        raise UserError(f"joint '{name}', field {unknown[0]}: unknown; each joint has {', '.join(FIELDS)}")
    try:
        return JointCalibration(**values)
    except UserError as error:
        raise UserError(f"joint '{name}', {error}") from error


def _json_object(text: str | bytes, source: str) -> dict[str, Any]:
    if not text.strip():
        raise UserError(f"{source}: the file is empty")
    try:
        if isinstance(text, bytes):
            text = text.decode("utf-8-sig")
        data = json.loads(text, object_pairs_hook=_object_without_twins, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise UserError(f"{source}: this is not a text file (byte {error.start} is not UTF-8)") from error
    except json.JSONDecodeError as error:
        cut_off = ", where the file ends: was it cut off?" if error.pos >= len(text.rstrip()) else ""
        where = f"line {error.lineno}, column {error.colno}{cut_off}"
        raise UserError(f"{source}: this is not JSON: {error.msg} at {where}") from error
    except RecursionError as error:
        raise UserError(f"{source}: this is not a calibration file: brackets nested too deeply") from error
    except ValueError as error:
        raise UserError(f"{source}: a number in it has too many digits") from error
    except UserError as error:
        raise UserError(f"{source}: {error}") from error
    if not isinstance(data, dict):
        raise UserError(f"{source}: this is not a calibration file: it holds a {type(data).__name__}, not an object")
    if not data:
        raise UserError(f"{source}: there are no joints in it; expected {', '.join(JOINT_NAMES)}")
    return data


def _object_without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise UserError(f"{shown(key)} is in it twice")
        found[key] = value
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise UserError(f"it holds {name}, which is not a number")


def _is_object(value: object) -> bool:
    return isinstance(value, dict)
