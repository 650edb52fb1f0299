"""Reading LeRobot's file, refusing what is none, and every real file at hand."""

import json

import pytest
from tests.core.calibration_samples import CALIBRATIONS, lerobot

from so_arm.core.calibration_formats import lerobot_text, parse_calibration
from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES

SECOND_POSE = "joint 'shoulder_pan', field end_pos: {} equals start_pos, so the second pose was never recorded"
REFUSED = {
    "old_odd_so100_follower_hf_zero_start.json": SECOND_POSE.format(0),
    "old_odd_so100_follower_vulcan_start_eq_end.json": SECOND_POSE.format(2206),
}
FORMATS = {"phosphobot": "phosphobot", "old_ranges": "older LeRobot lists with ranges", "old_": "older LeRobot lists"}
DOUBTED = {  # file to the joints that have a warning of their own
    "sourccey_left_arm_drivemode1.json": {"shoulder_lift", "elbow_flex"},
    "old_ranges_so100_rerun_5A7A0186111.json": {"shoulder_pan", "elbow_flex"},
    "old_ranges_so100_rerun_5A7A0186401.json": {"shoulder_lift", "wrist_flex"},
}


def refusal(text):
    with pytest.raises(UserError) as caught:
        parse_calibration(text, "arm.json")
    message = str(caught.value)
    assert message.startswith("arm.json: ") and "\n" not in message
    return message.removeprefix("arm.json: ")


def spoilt(joint, **values):
    data = lerobot()
    data[joint] |= values
    return json.dumps(data)


def test_lerobots_file_comes_back_byte_for_byte():
    text = json.dumps(lerobot(), indent=4)
    calibration = parse_calibration(text, "arm.json")
    assert lerobot_text(calibration) == text
    assert not calibration.converted and calibration.warnings == ()


def test_the_order_of_the_joints_in_the_file_is_kept():
    text = json.dumps(dict(reversed(lerobot().items())), indent=4)
    assert lerobot_text(parse_calibration(text.encode(), "arm.json")) == text


@pytest.mark.torch
def test_lerobot_writes_the_same_bytes_and_reads_ours(tmp_path):
    import draccus
    from lerobot.motors import MotorCalibration

    ours = lerobot_text(parse_calibration(json.dumps(lerobot()), "arm.json"))
    path = tmp_path / "arm.json"
    path.write_text(ours)
    with path.open() as file, draccus.config_type("json"):
        theirs = draccus.load(dict[str, MotorCalibration], file)
    with path.open("w") as file, draccus.config_type("json"):
        draccus.dump(theirs, file, indent=4)
    assert path.read_text() == ours


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"homing_offset": 2048}, "field homing_offset: 2048 is not within -2047..2047"),
        ({"range_max": 4096}, "field range_max: 4096 is not within 0..4095"),
        ({"range_min": -1}, "field range_min: -1 is not within 0..4095"),
        ({"range_min": 3000, "range_max": 2000}, "field range_min: 3000 is not below range_max 2000"),
        ({"range_min": 1000.5}, "field range_min: 1000.5 is not an integer"),
        ({"id": "3"}, "field id: '3' is not an integer"),
        ({"id": 1}, "field id: 1 is the id of joint 'shoulder_pan' too"),
        ({"drive_mode": True}, "field drive_mode: True is not an integer"),
        ({"speed": 1}, "field 'speed': unknown; each joint has id, drive_mode, homing_offset, range_min, range_max"),
    ],
)
def test_a_bad_value_is_refused_with_joint_field_and_reason(values, reason):
    assert refusal(spoilt("elbow_flex", **values)) == f"joint 'elbow_flex', {reason}"


def test_missing_and_unknown_joints_and_fields_are_named():
    data = lerobot()
    del data["elbow_flex"]["range_max"]
    assert "joint 'elbow_flex', field range_max: missing" in refusal(json.dumps(data))
    data = lerobot()
    data["elbow"] = data.pop("elbow_flex")
    assert "missing elbow_flex; unknown elbow" in refusal(json.dumps(data))
    assert "joint 'gripper': [1] is not an object" in refusal(json.dumps(lerobot() | {"gripper": [1]}))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the file is empty"),
        (b" \n", "the file is empty"),
        ("{}", "there are no joints in it"),
        ("[]", "it holds a list, not an object"),
        ('{"fps": 30, "features": {}}', "this is not a calibration file; known are LeRobot's JSON"),
        ('{"a": 1, "a": 2}', "'a' is in it twice"),
        ('{"a": ' + "1" * 5000 + "}", "a number in it has too many digits"),
        ("[" * 100_000, "brackets nested too deeply"),
        (b"\xff\xfe\x00", "not a text file (byte 0 is not UTF-8)"),
        ("import os", "this is not JSON: Expecting value at line 1, column 1"),
    ],
)
def test_what_is_no_calibration_is_refused(text, reason):
    assert reason in refusal(text)


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_nan_is_refused(constant):
    text = json.dumps(lerobot()).replace("-1062", constant)
    assert refusal(text) == f"it holds {constant}, which is not a number"


def test_a_file_that_was_cut_off_is_refused_wherever_it_was_cut():
    text = json.dumps(lerobot(), indent=4)
    assert "where the file ends: was it cut off?" in refusal(text[:300])
    for end in range(0, len(text) - 1, 7):
        refusal(text[:end])


def real_files():
    files = sorted(CALIBRATIONS.glob("*.json"))
    missing = pytest.param(None, marks=pytest.mark.skip(reason=f"no real calibration files at {CALIBRATIONS}"))
    return [pytest.param(file, id=file.name) for file in files] or [missing]


@pytest.mark.parametrize("file", real_files())
def test_every_real_file_is_understood_or_refused_with_the_reason(file):
    if file.name in REFUSED:
        with pytest.raises(UserError, match="^" + file.name) as caught:
            parse_calibration(file.read_bytes(), file.name)
        assert REFUSED[file.name] in str(caught.value)
        return
    calibration = parse_calibration(file.read_bytes(), file.name)
    expected = next((form for start, form in FORMATS.items() if file.name.startswith(start)), "LeRobot")
    assert calibration.format == expected
    assert calibration.converted == (expected != "LeRobot")
    assert {remark.joint for remark in calibration.warnings} - {None} == DOUBTED.get(file.name, set())
    if not calibration.converted:
        assert lerobot_text(calibration) == file.read_text().rstrip("\n")
    assert tuple(calibration.joints) == JOINT_NAMES
