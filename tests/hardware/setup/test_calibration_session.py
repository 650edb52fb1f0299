"""Calibrating by hand: the numbers, what is refused, and that nothing is lost on the way."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from types import ModuleType

import numpy as np
import pytest
from tests.hardware.setup.hand import MARGIN_S, Hand

from so_arm.core.calibration import nominal_calibration
from so_arm.core.calibration_formats import lerobot_text
from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES
from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.bus import FeetechBus
from so_arm.hardware.feetech.errors import PortError, ServoError
from so_arm.hardware.feetech.faults import Fault, FaultKind
from so_arm.hardware.feetech.stored_calibration import Stored, read_mismatches, read_stored
from so_arm.hardware.setup.calibration_session import CalibrationSession, torque_is_on, write_into_servos

#: Encoder angles of the middle pose as an assembled arm may have them: two of them near the turn's end.
MIDDLE = np.array([2048, 700, 3990, 1500, 20, 3000])
REACH = np.array([1200, 1190, 1080, 1070, 1500, 640])


@pytest.fixture
def hand() -> Iterator[Hand]:
    hand = Hand(MIDDLE)
    with hand.emulator:
        yield hand


@pytest.fixture
def bus(hand: Hand) -> Iterator[FeetechBus]:
    with FeetechBus(str(hand.emulator.path), margin_s=MARGIN_S) as bus:
        yield bus


def _poses(steps: int = 6) -> list[np.ndarray]:
    """Every joint to its lower end and its upper end, in steps that no sample misses."""
    way = np.concatenate([np.linspace(0, -1, steps), np.linspace(-1, 1, 2 * steps), np.linspace(1, 0, steps)])
    return [np.rint(MIDDLE + part * REACH) for part in way]


def _beside(joint: str, ticks: int) -> np.ndarray:
    """The middle pose, but for one joint."""
    return MIDDLE + ticks * (np.array(JOINT_NAMES) == joint)


def _move_and_record(hand: Hand, session: CalibrationSession, poses: list[np.ndarray]) -> None:
    for pose in poses:
        hand.move(pose)
        session.sample()


def test_middle_and_ranges_are_measured_and_stored(hand: Hand, bus: FeetechBus):
    with CalibrationSession(bus) as session:
        offsets = session.set_middle()
        assert offsets == dict(zip(JOINT_NAMES, (MIDDLE - 2047).tolist(), strict=True))
        assert {joint.position for joint in session.ranges.values()} == {2047}
        _move_and_record(hand, session, _poses())
        calibration = session.calibration()
        session.store(calibration)
    assert not session.taken_back
    for joint, reach in zip(calibration.in_order(), REACH, strict=True):
        ends = (0, 4095) if joint.id == 5 else (2047 - reach, 2047 + reach)
        assert (joint.range_min, joint.range_max, joint.drive_mode) == (*ends, 0)
    assert read_mismatches(bus, calibration) == {}
    assert calibration.warnings == ()
    bus.write(1, reg.LOCK, 0)
    hand.emulator.servo(1).power_up()
    assert read_stored(bus, 1) == Stored(1, 847, 3247), "it is kept without power"


def test_servos_get_back_what_they_had_when_it_is_cut_short(hand: Hand, bus: FeetechBus):
    before = nominal_calibration({"gripper": -301})
    write_into_servos(bus, before)
    with pytest.raises(KeyboardInterrupt), CalibrationSession(bus) as session:
        session.set_middle()
        raise KeyboardInterrupt
    assert session.taken_back
    assert read_mismatches(bus, before) == {}


def test_what_cannot_be_written_back_is_told(hand: Hand, bus: FeetechBus):
    told = r"unplugged.*servo 1: offset 0, range 0\.\.4095.*--write FILE"
    with pytest.raises(UserError, match=told) as caught, CalibrationSession(bus) as session:
        session.set_middle()
        hand.emulator.inject(Fault(FaultKind.UNPLUG))
        for _ in range(1000):
            session.sample()
    assert isinstance(caught.value.__cause__, PortError)


def test_a_joint_that_crosses_the_end_of_the_turn_is_named(hand: Hand, bus: FeetechBus):
    with CalibrationSession(bus) as session:
        hand.move(_beside("elbow_flex", 1000))  # not the middle of the elbow
        session.set_middle()
        _move_and_record(hand, session, [_beside("elbow_flex", ticks) for ticks in range(1000, -1001, -200)])
        assert session.wrapped == []
        _move_and_record(hand, session, [_beside("elbow_flex", -1200)])
        assert session.wrapped == ["elbow_flex"]
        with pytest.raises(UserError, match="elbow_flex: crossed the end of the encoder's turn"):
            session.calibration()
        hand.move(MIDDLE)
        session.set_middle()
        assert session.wrapped == []


def test_joints_that_were_not_moved_are_named_and_short_ranges_are_warned_of(hand: Hand, bus: FeetechBus):
    with CalibrationSession(bus) as session:
        session.set_middle()
        with pytest.raises(UserError, match="not moved: shoulder_pan, shoulder_lift, elbow_flex, wrist_flex, gripper"):
            session.calibration()
        for pose in _poses():
            pose[5] = MIDDLE[5]
            _move_and_record(hand, session, [pose])
        with pytest.raises(UserError, match="not moved: gripper;"):
            session.calibration()
        _move_and_record(hand, session, [_beside("gripper", 200)])
        assert [remark.joint for remark in session.calibration().warnings] == ["gripper"]


def test_a_servo_that_is_missing_faulty_or_foreign_is_refused_before_anything_is_written(hand: Hand, bus: FeetechBus):
    for fault, reason in (
        (Fault(FaultKind.SILENT, servo=3), "servo 3: no answer"),
        (Fault(FaultKind.VOLTAGE, servo=2, value=12.0), "servo 2 reports voltage"),
    ):
        hand.emulator.inject(fault)
        time.sleep(0.1)  # until the servo has noticed
        with pytest.raises(UserError, match=reason), CalibrationSession(bus):
            pass
        hand.emulator.clear()
    time.sleep(0.1)
    hand.emulator.servo(4).put(reg.MODEL_NUMBER, 1284)
    with pytest.raises(UserError, match="servo 4 is model 1284, not an STS3215"), CalibrationSession(bus):
        pass


def test_lost_answers_while_the_joints_move_do_no_harm(hand: Hand, bus: FeetechBus):
    with CalibrationSession(bus) as session:
        session.set_middle()
        hand.emulator.inject(Fault(FaultKind.SILENT, servo=1))
        bus.link.margin_s = 0.01
        session.sample()
        assert not session.ranges["shoulder_pan"].answered and session.ranges["gripper"].answered
        with pytest.raises(ServoError):
            session.set_middle()
        hand.emulator.clear()
        bus.link.margin_s = MARGIN_S


def test_the_farthest_angle_of_the_encoder_can_be_the_middle(hand: Hand, bus: FeetechBus):
    hand.move([4095, 0, 2047, 1, 4094, 2048])
    with CalibrationSession(bus) as session:
        assert list(session.set_middle().values()) == [2047, -2047, 0, -2046, 2047, 1]


def test_torque_is_noticed_and_taken_off(hand: Hand, bus: FeetechBus):
    bus.enable_torque()
    assert torque_is_on(bus)
    with CalibrationSession(bus):
        assert not torque_is_on(bus)


def test_writing_an_existing_calibration_is_all_or_nothing(hand: Hand, bus: FeetechBus):
    before = nominal_calibration({"wrist_roll": 7})
    write_into_servos(bus, before)
    with ExitStack() as stack:
        original = bus.write

        def breaks(servo_id: int, register: reg.Register, value: int) -> None:
            if (servo_id, register) == (6, reg.HOMING_OFFSET) and value == 99:
                raise ServoError(6, "gone")
            original(servo_id, register, value)

        bus.write = breaks  # type: ignore[method-assign]
        with pytest.raises(ServoError, match="gone"):
            write_into_servos(bus, nominal_calibration({"wrist_roll": 70, "gripper": 99}))
        stack.callback(setattr, bus, "write", original)
    assert read_mismatches(bus, before) == {}


@pytest.fixture
def lerobot() -> ModuleType:
    return pytest.importorskip("lerobot.motors.feetech")


@pytest.mark.torch
def test_lerobots_own_procedure_gives_the_same_file(hand: Hand, bus: FeetechBus, lerobot: ModuleType, monkeypatch):
    from lerobot.motors import Motor, MotorCalibration, MotorNormMode, motors_bus

    random = np.random.default_rng(3)
    walk = np.cumsum(random.uniform(-0.8, 0.8, (40, 6)), axis=0)
    poses = [np.rint(MIDDLE + np.clip(step, -1, 1) * REACH) for step in walk]
    with CalibrationSession(bus) as session:
        session.set_middle()
        _move_and_record(hand, session, poses)
        ours = session.calibration()
        session.store(ours)

    other = Hand(MIDDLE)
    left = iter(poses)

    def enter_pressed() -> bool:
        pose = next(left, None)
        if pose is not None:
            other.move(pose)
        return pose is None

    monkeypatch.setattr(motors_bus, "enter_pressed", enter_pressed)
    with other.emulator:
        motors = {
            name: Motor(number, "sts3215", MotorNormMode.DEGREES) for number, name in enumerate(JOINT_NAMES, start=1)
        }
        theirs_bus = lerobot.FeetechMotorsBus(str(other.emulator.path), motors)
        theirs_bus.port_handler.setPacketTimeout = lambda length: theirs_bus.port_handler.setPacketTimeoutMillis(1000)
        theirs_bus.connect()
        theirs_bus.disable_torque()
        offsets = theirs_bus.set_half_turn_homings()
        measured = [name for name in JOINT_NAMES if name != "wrist_roll"]
        lows, highs = theirs_bus.record_ranges_of_motion(measured, display_values=False)
        lows["wrist_roll"], highs["wrist_roll"] = 0, 4095
        theirs = {
            name: MotorCalibration(motor.id, 0, offsets[name], lows[name], highs[name])
            for name, motor in motors.items()
        }
        theirs_bus.write_calibration(theirs)
        theirs_bus.disconnect()
        assert lerobot_text(ours) == json.dumps({name: vars(joint) for name, joint in theirs.items()}, indent=4)
        for servo_id in range(1, 7):
            for register in (reg.HOMING_OFFSET, reg.MIN_POSITION_LIMIT, reg.MAX_POSITION_LIMIT):
                assert hand.emulator.servo(servo_id).get(register) == other.emulator.servo(servo_id).get(register)
