"""Calibration of a camera: the YAML file that ROS's camera_calibration writes, read or refused."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import yaml

from so_arm.core.errors import UserError, choice_error

#: Distortion models of ROS, with the number of coefficients each may have.
MODELS = {"plumb_bob": (4, 5), "rational_polynomial": (8,), "equidistant": (4,)}
#: Two sizes have the same aspect ratio when they differ by less than this share; sizes are whole pixels.
ASPECT_TOLERANCE = 0.005


@dataclass(frozen=True)
class CameraCalibration:
    """Matrices row by row, as in sensor_msgs/CameraInfo; lengths in pixels of an image of `width` x `height`."""

    width: int
    height: int
    name: str
    model: str
    distortion: tuple[float, ...]
    camera: tuple[float, ...]  #: (9,) K
    rectification: tuple[float, ...]  #: (9,) R
    projection: tuple[float, ...]  #: (12,) P

    def for_size(self, width: int, height: int) -> CameraCalibration | None:
        """The same camera with smaller or larger images; None when the aspect ratio differs."""
        if abs(width * self.height / (height * self.width) - 1) > ASPECT_TOLERANCE:
            return None
        across, down = width / self.width, height / self.height
        return dataclasses.replace(
            self,
            width=width,
            height=height,
            camera=_scaled(self.camera, across, down),
            projection=_scaled(self.projection, across, down),
        )


def _scaled(matrix: tuple[float, ...], across: float, down: float) -> tuple[float, ...]:
    """Rows of a matrix onto pixels, as image_proc's resize has it."""
    columns = len(matrix) // 3
    scales = (across, down, 1.0)
    return tuple(value * scales[i // columns] for i, value in enumerate(matrix))


def read_calibration(place: str) -> CameraCalibration:
    """place: a path or a file:// URL. UserError names the field that is missing or wrong."""
    path = Path(unquote(urlsplit(place).path) if place.startswith("file://") else place).expanduser()
    if "://" in place and not place.startswith("file://"):
        raise UserError(f"camera_info_file {place}: give a path or a file:// URL")
    try:
        fields = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"camera_info_file {path} cannot be read: {error}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UserError(f"camera_info_file {path} is not YAML: {' '.join(str(error).split())}") from None
    try:
        return _calibration(fields)
    except UserError as error:
        raise UserError(f"camera_info_file {path}: {error}") from None


def _calibration(fields: Any) -> CameraCalibration:
    if not isinstance(fields, dict):
        raise UserError("no fields; expected image_width, image_height, camera_matrix, ...")
    model = str(_field(fields, "distortion_model"))
    if model not in MODELS:
        raise choice_error("distortion_model", model, MODELS)
    camera = _matrix(fields, "camera_matrix", 3, 3)
    for i, focal in ((0, camera[0]), (1, camera[4])):
        if focal <= 0:
            raise UserError(f"camera_matrix has the focal length {focal} in row {i + 1}")
    return CameraCalibration(
        _size(fields, "image_width"),
        _size(fields, "image_height"),
        str(fields.get("camera_name", "")),
        model,
        _distortion(fields, model),
        camera,
        _matrix(fields, "rectification_matrix", 3, 3),
        _matrix(fields, "projection_matrix", 3, 4),
    )


def _field(fields: dict[str, Any], name: str) -> Any:
    if name not in fields:
        raise UserError(f"{name} is missing")
    return fields[name]


def _size(fields: dict[str, Any], name: str) -> int:
    value = _field(fields, name)
    if type(value) is not int or not 0 < value < 1 << 16:
        raise UserError(f"{name} is {value!r}, expected a number of pixels")
    return value


def _distortion(fields: dict[str, Any], model: str) -> tuple[float, ...]:
    name = "distortion_coefficients"
    values = _numbers(name, _field(fields, name))
    if len(values) not in MODELS[model]:
        counts = " or ".join(map(str, MODELS[model]))
        raise UserError(f"{name} has {len(values)} values, {model} has {counts}")
    return values


def _matrix(fields: dict[str, Any], name: str, rows: int, columns: int) -> tuple[float, ...]:
    values = _numbers(name, _field(fields, name))
    if len(values) != rows * columns:
        raise UserError(f"{name} has {len(values)} values, expected {rows} x {columns}")
    return values


def _numbers(name: str, matrix: Any) -> tuple[float, ...]:
    """`data` of a field with rows, cols and data."""
    data = matrix.get("data") if isinstance(matrix, dict) else None
    if not isinstance(data, list):
        raise UserError(f"{name} has no list 'data'")
    for value in data:
        if type(value) not in (int, float) or not math.isfinite(value):
            raise UserError(f"{name} holds {value!r}, expected a number")
    return tuple(map(float, data))
