"""The calibration itself: bounds, plausibility, the example files."""

import dataclasses

import pytest

from so_arm.core.calibration import BOUNDS, Calibration, JointCalibration, nominal_calibration, shown
from so_arm.core.calibration_checks import implausible
from so_arm.core.calibration_formats import lerobot_text, parse_calibration
from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES
from so_arm.core.paths import share_dir

GOOD = JointCalibration(1, 0, 0, 800, 3300)
LEADER_OFFSETS = dict(zip(JOINT_NAMES, (-273, 388, 496, -1179, 1140, -31), strict=True))


def changed(name, **values):
    joints = dict(nominal_calibration().joints)
    return joints | {name: dataclasses.replace(joints[name], **values)}


@pytest.mark.parametrize("field", BOUNDS)
def test_values_just_outside_their_bounds_are_refused(field):
    low, high = BOUNDS[field]
    for value in (low - 1, high + 1):
        with pytest.raises(UserError, match=rf"field {field}: {value} is not within {low}..{high}"):
            dataclasses.replace(GOOD, **{field: value})


@pytest.mark.parametrize("value", [1.0, True, None, "1", float("nan"), [1]])
def test_only_integers_pass(value):
    with pytest.raises(UserError, match=r"field homing_offset: .* is not an integer"):
        dataclasses.replace(GOOD, homing_offset=value)


def test_an_empty_or_reversed_range_is_refused():
    with pytest.raises(UserError, match="field range_min: 3300 is not below range_max 3300"):
        dataclasses.replace(GOOD, range_min=3300)


def test_a_calibration_has_the_six_joints_with_ids_of_their_own():
    joints = dict(nominal_calibration().joints)
    with pytest.raises(UserError, match="missing gripper"):
        Calibration({name: joint for name, joint in joints.items() if name != "gripper"})
    with pytest.raises(UserError, match="joint 'gripper', field id: 2 is the id of joint 'shoulder_lift' too"):
        Calibration(changed("gripper", id=2))


def test_it_cannot_be_changed_and_its_order_is_that_of_the_joints():
    calibration = Calibration(dict(reversed(nominal_calibration().joints.items())))
    assert [joint.id for joint in calibration.in_order()] == [1, 2, 3, 4, 5, 6]
    with pytest.raises(TypeError):
        calibration.joints["gripper"] = GOOD


def test_an_ideal_arm_is_plausible():
    assert implausible(nominal_calibration().joints) == ()


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("elbow_flex", {"range_min": 0, "range_max": 4095}, "did the encoder wrap"),
        ("shoulder_pan", {"range_min": 5, "range_max": 2600}, "touches the end of the encoder's turn"),
        ("wrist_flex", {"range_min": 2000, "range_max": 2100}, "was it moved to both ends"),
        ("shoulder_lift", {"drive_mode": 1}, "neither its degrees nor our radians"),
        ("gripper", {"drive_mode": 1}, "range_max is the closed end"),
        ("gripper", {"id": 9}, "LeRobot expects 6"),
    ],
)
def test_what_looks_wrong_is_said_of_that_joint_alone(name, values, said):
    (remark,) = implausible(changed(name, **values))
    assert remark.joint == name and said in remark.text


def test_the_full_turn_of_the_wrist_is_not_a_wrapped_encoder():
    assert implausible(changed("wrist_roll", range_min=0, range_max=4095)) == ()


def test_the_example_files_are_an_ideal_follower_and_a_leader_that_is_another_arm():
    read = {}
    for who in ("follower", "leader"):
        text = (share_dir() / "calibration" / f"example_{who}.json").read_bytes()
        read[who] = parse_calibration(text, "example")
        assert text.decode() == lerobot_text(read[who])
        assert implausible(read[who].joints) == ()
    assert read["follower"] == nominal_calibration({})
    leader = read["leader"].joints
    assert {name: joint.homing_offset for name, joint in leader.items()} == LEADER_OFFSETS
    # Who takes one file for the other reads other angles.
    assert sum(joint.middle != read["follower"].joints[name].middle for name, joint in leader.items()) >= 4
    assert leader["gripper"].span != read["follower"].joints["gripper"].span


def test_values_in_messages_are_short_and_printable():
    deep: list = []
    for _ in range(100_000):
        deep = [deep]
    assert shown(deep) == shown(10**5000) == "something far too large"
    assert len(shown("x" * 1000)) <= 40 and shown("\x1b[31m").isprintable()
