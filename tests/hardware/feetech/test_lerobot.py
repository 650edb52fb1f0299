"""LeRobot's own bus cannot tell the emulator from servos, and its register table is ours."""

from __future__ import annotations

import time
from types import ModuleType

import pytest

from so_arm.core.joints import JOINT_NAMES
from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.emulator import Emulator

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def motors_module() -> ModuleType:
    pytest.importorskip("lerobot.motors.feetech")
    return pytest.importorskip("lerobot.motors")


def test_calibrate_read_and_move(motors_module: ModuleType):
    from lerobot.motors import Motor, MotorCalibration, MotorNormMode
    from lerobot.motors.feetech import FeetechMotorsBus

    with Emulator() as emulator:
        motors = {
            name: Motor(servo_id, "sts3215", MotorNormMode.RANGE_0_100 if servo_id == 6 else MotorNormMode.DEGREES)
            for servo_id, name in enumerate(JOINT_NAMES, start=1)
        }
        calibration = {
            name: MotorCalibration(motor.id, 0, homing_offset=10 * motor.id, range_min=1000, range_max=3000)
            for name, motor in motors.items()
        }
        bus = FeetechMotorsBus(str(emulator.path), motors, calibration)
        # Its patience of 50 ms is short for a loaded machine.
        bus.port_handler.setPacketTimeout = lambda length: bus.port_handler.setPacketTimeoutMillis(1000)
        bus.connect()
        assert not bus.is_calibrated
        bus.disable_torque()
        bus.write_calibration(calibration)
        assert bus.read_calibration() == calibration
        assert bus.is_calibrated
        bus.configure_motors()
        time.sleep(0.1)
        offset = {name: 2048 - 10 * motor.id for name, motor in motors.items()}
        assert bus.sync_read("Present_Position", normalize=False, num_retry=5) == offset
        bus.sync_write("Goal_Position", offset, normalize=False)
        bus.enable_torque()
        goals = dict.fromkeys(JOINT_NAMES, 10.0)
        bus.sync_write("Goal_Position", goals)
        until = time.monotonic() + 20.0
        reached = False
        while not reached and time.monotonic() < until:
            found = bus.sync_read("Present_Position", num_retry=5)
            reached = all(abs(found[name] - goals[name]) < 0.2 for name in JOINT_NAMES)
        assert reached, found
        assert bus.broadcast_ping() == dict.fromkeys(range(1, 7), 777)
        bus.disconnect()


def test_registers_are_the_same(motors_module: ModuleType):
    from lerobot.motors.feetech.tables import (
        MODEL_NUMBER_TABLE,
        STS_SMS_SERIES_BAUDRATE_TABLE,
        STS_SMS_SERIES_CONTROL_TABLE,
        STS_SMS_SERIES_ENCODINGS_TABLE,
    )

    for name, place in STS_SMS_SERIES_CONTROL_TABLE.items():
        register = reg.REGISTERS[name.strip()]
        assert (register.address, register.size) == place, name
        if name in STS_SMS_SERIES_ENCODINGS_TABLE:
            assert register.sign_bit == STS_SMS_SERIES_ENCODINGS_TABLE[name]
    assert MODEL_NUMBER_TABLE["sts3215"] == reg.MODEL_STS3215
    assert {STS_SMS_SERIES_BAUDRATE_TABLE[baud]: baud for baud in reg.BAUD_RATES.values()} == reg.BAUD_RATES
