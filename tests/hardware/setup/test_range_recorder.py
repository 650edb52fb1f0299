from __future__ import annotations

from so_arm.hardware.setup.range_recorder import RangeRecorder


def _recorded(*positions: int):
    recorder = RangeRecorder(["elbow_flex"])
    for position in positions:
        recorder.add({"elbow_flex": position, "wrist_roll": 7})
    assert list(recorder.joints) == ["elbow_flex"]
    return recorder.joints["elbow_flex"]


def test_ends_are_the_farthest_positions():
    joint = _recorded(2047, 1500, 900, 2600, 2047)
    assert (joint.position, joint.low, joint.high, joint.span, joint.wrapped) == (2047, 900, 2600, 1700, False)


def test_a_jump_of_about_a_turn_is_a_wrap_and_a_swift_hand_is_not():
    assert not _recorded(100, 2000, 4000, 2000, 0).wrapped
    assert _recorded(100, 20, 4090).wrapped
    assert _recorded(4000, 4095, 3).wrapped


def test_a_joint_without_an_answer_keeps_what_it_has():
    recorder = RangeRecorder(["elbow_flex", "gripper"])
    recorder.add({"elbow_flex": 5})
    recorder.add({"gripper": 6})
    assert (recorder.joints["elbow_flex"].position, recorder.joints["elbow_flex"].answered) == (5, False)
    recorder.add({"elbow_flex": 9})
    assert recorder.joints["elbow_flex"].answered
    assert (recorder.joints["elbow_flex"].low, recorder.joints["elbow_flex"].high) == (5, 9)
