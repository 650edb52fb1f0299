"""The older lists and phosphobot's config in LeRobot's terms."""

import json

import pytest
from tests.core.calibration_samples import lists, lists_with_ranges, phosphobot

from so_arm.core.calibration import JointCalibration, nominal_calibration, reach_ticks
from so_arm.core.calibration_formats import lerobot_text, parse_calibration
from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES

FORMS = (lists, lists_with_ranges, phosphobot)


def parsed(data):
    return parse_calibration(json.dumps(data), "arm.json")


def said(remarks, joint):
    return " / ".join(remark.text for remark in remarks if remark.joint == joint)


def refusal(data):
    with pytest.raises(UserError) as caught:
        parsed(data)
    return str(caught.value)


def old_ticks(data, name, degrees):
    """Ticks at which the older LeRobot reads `degrees`: (raw, negated if driven) + offset, 2048 ticks to 180°."""
    index = data["motor_names"].index(name)
    raw = degrees / 180 * 2048 - data["homing_offset"][index]
    return -raw if data["drive_mode"][index] else raw


@pytest.mark.parametrize(
    ("name", "old_degrees"),
    [("shoulder_pan", 0), ("shoulder_lift", 90), ("elbow_flex", 90), ("wrist_flex", 0), ("wrist_roll", 0)],
)
def test_the_middle_is_where_lerobots_migration_puts_it(name, old_degrees):
    """LeRobot: new lift = 90 - old lift, new elbow = old elbow - 90, the others stay."""
    joint = parsed(lists()).joints[name]
    assert joint.middle == old_ticks(lists(), name, old_degrees)
    assert joint.span == 2 * reach_ticks(name)
    assert (joint.drive_mode, joint.homing_offset) == (0, 0)


def test_what_was_converted_is_said():
    calibration = parsed(lists())
    assert (
        said(calibration.notes, "elbow_flex")
        == "middle at 1910, which is 90° in the file; range from the model's limits"
    )
    assert "opposite sign" in said(calibration.notes, "wrist_roll")
    assert said(calibration.notes, "gripper") == "closed at start_pos 2041, open at end_pos 3207"
    assert "offset register" in said(calibration.warnings, None)


def test_the_grippers_range_is_its_two_ends_even_when_it_closes_the_other_way():
    assert parsed(lists()).joints["gripper"] == JointCalibration(6, 0, 0, 2041, 3207)
    data = lists()
    data["start_pos"][5], data["end_pos"][5] = 3207, 2041
    assert parsed(data).joints["gripper"] == JointCalibration(6, 1, 0, 2041, 3207)


def test_a_range_over_the_end_of_the_turn_moves_the_offset_register():
    data = lists()
    data["homing_offset"][0], data["end_pos"][0] = -1062, 2086
    joint = parsed(data).joints["shoulder_pan"]
    assert joint.homing_offset == 1062 - 2047
    assert joint.middle + joint.homing_offset == 1062  # present = actual - offset
    assert "leaves the encoder's turn" in said(parsed(data).notes, "shoulder_pan")


def test_every_zero_there_is_becomes_a_valid_joint_or_a_refusal():
    """The one offset that the register lacks (-2048) included."""
    for zero in (*range(-4200, 8300, 9), *range(-4101, -4091), *range(4090, 4100), *range(8190, 8193)):
        data = lists()
        data["homing_offset"][0] = -zero
        try:
            joint = parsed(data).joints["shoulder_pan"]
        except UserError as error:
            assert not -4096 < zero < 8192, error
            continue
        assert (joint.middle + joint.homing_offset - zero) % 4096 == 0


def test_an_edited_or_unusual_file_is_warned_of():
    data = lists()
    data["homing_offset"][0] += 5
    data["drive_mode"][4] = 0
    warnings = parsed(data).warnings
    assert "was it edited" in said(warnings, "shoulder_pan")
    assert "an SO arm has 1 here" in said(warnings, "wrist_roll")


def test_lists_with_ranges_keep_the_ranges():
    calibration = parsed(lists_with_ranges())
    assert calibration.robot == "leader"
    assert calibration.joints["elbow_flex"] == JointCalibration(3, 0, 0, 800, 3000)
    data = lists_with_ranges()
    data["range_min"][3] = 1989
    assert "46° from the file's zero" in said(parsed(data).warnings, "wrist_flex")
    del data["range_max"]
    assert "field range_max: missing" in refusal(data)


def test_phosphobots_first_pose_is_the_middle():
    calibration = parsed(phosphobot())
    assert calibration.robot == "so-100"
    assert calibration.joints["shoulder_pan"].middle == 2147
    elbow = calibration.joints["elbow_flex"]  # its range crosses the end of the turn
    assert elbow.middle + elbow.homing_offset == 985
    assert calibration.joints["gripper"] == JointCalibration(6, 0, 0, 1990, 3216)
    assert "opposite sign" in said(calibration.notes, "shoulder_pan")


def test_phosphobots_vendor_default_is_recognised():
    data = phosphobot() | {"servos_offsets": [2048.0] * 6}
    data["servos_calibration_position"] = [1072.0, 3076.0, 979.0, 1042.0, 2943.0, 3422.0]
    assert "vendor's default" in said(parsed(data).warnings, None)


@pytest.mark.parametrize(
    ("make", "field", "index", "value", "reason"),
    [
        (lists, "end_pos", 1, 3010, "joint 'shoulder_lift', field end_pos: 3010 equals start_pos"),
        (lists, "calib_mode", 1, "LINEAR", "joint 'shoulder_lift', field calib_mode: the gripper is LINEAR"),
        (lists, "calib_mode", 5, "RADIAN", "joint 'gripper', field calib_mode: 'RADIAN' is neither DEGREE nor LINEAR"),
        (lists, "homing_offset", 2, 8000, "joint 'elbow_flex', field homing_offset: 8000 puts the zero at -6976"),
        (lists, "homing_offset", 2, 1.5, "joint 'elbow_flex', field homing_offset: 1.5 is not an integer"),
        (
            lists,
            "motor_names",
            2,
            "elbow",
            "field motor_names: joints do not match (missing elbow_flex; unknown elbow)",
        ),
        (lists, "motor_names", 2, "gripper", "twice gripper"),
        (lists, "motor_names", 2, {}, "field motor_names: {} is not a name"),
        (lists_with_ranges, "range_min", 2, -3, "joint 'elbow_flex', field range_min: -3 is not within 0..4095"),
        (lists_with_ranges, "range_min", 2, 3500, "joint 'elbow_flex', field range_min: 3500 is not below"),
        (phosphobot, "servos_offsets", 0, 1100, "joint 'shoulder_pan', field servos_calibration_position: 1091 is too"),
        (phosphobot, "servos_offsets", 0, float("inf"), "it holds Infinity"),
        (phosphobot, "servos_offsets_signs", 0, 0, "joint 'shoulder_pan', field servos_offsets_signs: 0 is neither"),
    ],
)
def test_a_bad_value_is_refused_with_joint_field_and_reason(make, field, index, value, reason):
    data = make()
    data[field][index] = value
    assert refusal(data).startswith("arm.json: ") and reason in refusal(data)


@pytest.mark.parametrize("make", FORMS)
def test_a_missing_short_or_wrong_list_is_named(make):
    for field in [key for key, value in make().items() if isinstance(value, list) and key != "pid_gains"]:
        data = make()
        short = make() | {field: data.pop(field)[:5]}
        assert f"field {field}: missing" in refusal(data)
        assert f"field {field}: 5 values for 6 joints" in refusal(short)
        assert f"field {field}: 7 is not a list" in refusal(make() | {field: 7})


@pytest.mark.parametrize("make", FORMS)
def test_what_was_converted_is_a_lerobot_file(make):
    calibration = parsed(make())
    again = parse_calibration(lerobot_text(calibration), "converted.json")
    assert again.joints == calibration.joints and not again.converted
    assert tuple(again.joints) == JOINT_NAMES == tuple(nominal_calibration().joints)
