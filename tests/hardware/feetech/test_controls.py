"""What a servo has decoded once never outlives a change of its registers."""

from __future__ import annotations

import random

import pytest

from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.controls import Controls
from so_arm.hardware.feetech.packets import Instruction, Packet
from so_arm.hardware.feetech.servo import Servo


def test_changes_of_registers_count_at_once_however_they_come():
    servo = Servo(1)
    servo.write(reg.TORQUE_ENABLE.address, b"\1")
    assert servo.torque() == 1.0
    servo.write(reg.TORQUE_LIMIT.address, reg.TORQUE_LIMIT.encode(500))
    assert servo.torque() == 0.5
    servo.put(reg.TORQUE_LIMIT, 250)
    assert servo.torque() == 0.25
    servo.keep(reg.MAX_TORQUE_LIMIT, 800)
    servo.power_up()
    assert servo.torque() == 0.0
    servo.write(reg.TORQUE_ENABLE.address, b"\1")
    assert servo.torque() == pytest.approx(0.8)


def test_goal_follows_goal_and_limits():
    servo = Servo(1)
    servo.write(reg.GOAL_POSITION.address, reg.GOAL_POSITION.encode(3000))
    assert servo.goal() == 3000
    servo.write(reg.MAX_POSITION_LIMIT.address, reg.MAX_POSITION_LIMIT.encode(2500))
    assert servo.goal() == 2500
    servo.write(reg.GOAL_POSITION.address, reg.GOAL_POSITION.encode(2100))
    assert servo.goal() == 2100
    assert servo.get(reg.PRESENT_GOAL_POSITION) == 2100


def test_torque_written_together_with_an_offset_centres_with_that_offset_gone():
    """A write that starts in the EEPROM and ends at Torque_Enable: the bytes before count already."""
    servo = Servo(1, 100.0)
    data = bytearray(servo.memory[reg.HOMING_OFFSET.address : reg.TORQUE_ENABLE.address + 1])
    data[:2], data[-1] = reg.HOMING_OFFSET.encode(-500), reg.TORQUE_ON
    servo.write(reg.HOMING_OFFSET.address, bytes(data))
    servo.write(reg.GOAL_POSITION.address, reg.GOAL_POSITION.encode(600))
    assert servo.present() == 600
    assert servo.shaft_goal(0.002) == 100


def test_decoded_controls_are_those_of_the_registers_after_anything():
    chance = random.Random(0)
    servo = Servo(1)
    for _ in range(2000):
        code = chance.choice([Instruction.WRITE, Instruction.WRITE, Instruction.REG_WRITE, *Instruction])
        params = bytes((chance.randrange(256),)) + chance.randbytes(chance.randrange(12))
        servo.answer(Packet(servo.id, code, params))
        servo.moved(servo.shaft_goal(0.002), 0.0, chance.uniform(-1, 1), 0.002)
        fresh = Controls.decode(servo.memory)
        assert servo.controls == fresh
        assert servo.goal() == fresh.within_limits(servo.get(reg.GOAL_POSITION))
