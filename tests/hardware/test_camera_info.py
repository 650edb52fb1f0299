from pathlib import Path
from typing import Any

import pytest
import yaml

from so_arm.core.errors import UserError
from so_arm.hardware.camera_info import CameraCalibration, read_calibration

# As camera_calibration writes it.
TEXT = """\
image_width: 640
image_height: 480
camera_name: wrist
camera_matrix:
  rows: 3
  cols: 3
  data: [438.78, 0., 305.59, 0., 437.33, 243.73, 0., 0., 1.]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [-0.361, 0.111, 0.0007, 0.0006, 0]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1, 0, 0, 0, 1, 0, 0, 0, 1]
projection_matrix:
  rows: 3
  cols: 4
  data: [393.65, 0., 322.79, -20., 0., 393.65, 241.09, 0., 0., 0., 1., 0.]
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "wrist camera.yaml"
    path.write_text(TEXT)
    return path


def test_a_file_of_camera_calibration(file: Path) -> None:
    calibration = read_calibration(str(file))
    assert (calibration.width, calibration.height, calibration.name) == (640, 480, "wrist")
    assert calibration.model == "plumb_bob" and calibration.distortion == (-0.361, 0.111, 0.0007, 0.0006, 0.0)
    assert calibration.camera[4] == 437.33 and calibration.projection[2] == 322.79
    assert calibration.rectification == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    assert read_calibration(file.as_uri()) == calibration


def test_other_sizes_of_the_same_shape(file: Path) -> None:
    calibration = read_calibration(str(file))
    assert calibration.for_size(640, 480) == calibration
    half = calibration.for_size(320, 240)
    assert half is not None and (half.width, half.height) == (320, 240)
    assert half.camera == pytest.approx((219.39, 0, 152.795, 0, 218.665, 121.865, 0, 0, 1))
    assert half.projection == pytest.approx((196.825, 0, 161.395, -10, 0, 196.825, 120.545, 0, 0, 0, 1, 0))
    assert half.distortion == calibration.distortion
    assert half.for_size(640, 480) == calibration
    for size in ((640, 360), (480, 640), (480, 480)):
        assert calibration.for_size(*size) is None


def test_whole_pixels_may_bend_the_shape_a_little() -> None:
    calibration = CameraCalibration(1280, 720, "", "plumb_bob", (0.0,) * 5, (1.0,) * 9, (0.0,) * 9, (0.0,) * 12)
    assert calibration.for_size(427, 240) is not None


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("image_width", None, "image_width is missing"),
        ("image_width", "wide", "image_width is 'wide', expected a number of pixels"),
        ("image_height", 0, "image_height is 0"),
        ("image_height", True, "image_height is True"),
        ("camera_matrix", None, "camera_matrix is missing"),
        ("camera_matrix", [1, 2], "camera_matrix has no list 'data'"),
        ("camera_matrix", {"data": [1.0] * 8}, "camera_matrix has 8 values, expected 3 x 3"),
        ("camera_matrix", {"data": [0.0] * 9}, "camera_matrix has the focal length 0.0 in row 1"),
        ("camera_matrix", {"data": [1.0] * 8 + ["x"]}, "camera_matrix holds 'x', expected a number"),
        ("camera_matrix", {"data": [float("nan")] * 9}, "camera_matrix holds nan"),
        ("distortion_model", None, "distortion_model is missing"),
        ("distortion_model", "plum_bob", "unknown distortion_model 'plum_bob'.*Did you mean 'plumb_bob'"),
        ("distortion_coefficients", {"data": [0.0] * 3}, "distortion_coefficients has 3 values, plumb_bob has 4 or 5"),
        ("rectification_matrix", None, "rectification_matrix is missing"),
        ("projection_matrix", {"data": [1.0] * 9}, "projection_matrix has 9 values, expected 3 x 4"),
    ],
)
def test_refused_with_the_field_named(file: Path, field: str, value: Any, message: str) -> None:
    fields = yaml.safe_load(TEXT)
    del fields[field]
    if value is not None:
        fields[field] = value
    file.write_text(yaml.safe_dump(fields))
    with pytest.raises(UserError, match=rf"camera_info_file .*wrist camera\.yaml: {message}") as caught:
        read_calibration(str(file))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["a: [1", "- 1", "", "a: !!python/object:os.system {}", "\x00", "7"])
def test_files_that_are_something_else(file: Path, text: str) -> None:
    file.write_text(text)
    with pytest.raises(UserError, match=r"camera_info_file .*(is not YAML|no fields)") as caught:
        read_calibration(str(file))
    assert "\n" not in str(caught.value)


def test_places_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"camera_info_file .*nothing\.yaml cannot be read: .*No such file"):
        read_calibration(str(tmp_path / "nothing.yaml"))
    with pytest.raises(UserError, match=r"camera_info_file package://x/y\.yaml: give a path or a file:// URL"):
        read_calibration("package://x/y.yaml")
