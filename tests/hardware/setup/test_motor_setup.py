"""Servos from the box get their ids; whatever could give one the wrong id is refused."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.hardware.setup.hand import fewer_baud_rates

from so_arm.core.errors import UserError
from so_arm.hardware.feetech import identity
from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.bus import FeetechBus
from so_arm.hardware.feetech.emulator import Emulator
from so_arm.hardware.feetech.servo import Servo
from so_arm.hardware.setup.motor_setup import IDS, ORDER, MotorSetup, owner

pytestmark = pytest.mark.slow  # every step listens at five baud rates
ORDER_OF_LEROBOT = ("gripper", "wrist_roll", "wrist_flex", "elbow_flex", "shoulder_lift", "shoulder_pan")


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """Six servos from the box, none of them wired."""
    servos = [Servo(1) for _ in ORDER]
    for servo in servos:
        servo.connected = False
    with Emulator(servos, wire_time=False) as emulator:
        yield emulator


@pytest.fixture(autouse=True)
def _fewer_baud_rates(monkeypatch: pytest.MonkeyPatch):
    fewer_baud_rates(monkeypatch)


@pytest.fixture
def setup(emulator: Emulator) -> Iterator[MotorSetup]:
    with FeetechBus(str(emulator.path), margin_s=0.05) as bus:
        yield MotorSetup(bus)


def _wire(emulator: Emulator, *numbers: int) -> None:
    with emulator.lock:
        for number, servo in enumerate(emulator.servos):
            servo.connected = number in numbers


def _set_baud(servo: Servo, code: int) -> None:
    servo.put(reg.LOCK, 0)
    servo.write(reg.BAUD_RATE.address, bytes((code,)))


def test_each_servo_gets_its_id_for_good_whatever_its_rate(emulator: Emulator, setup: MotorSetup):
    assert ORDER == ORDER_OF_LEROBOT
    _set_baud(emulator.servos[1], 1)
    for number, joint in enumerate(ORDER[:3]):
        _wire(emulator, *range(number + 1))  # those that are done stay connected
        assert setup.give(joint, setup.find(joint))
    with emulator.lock:
        for servo in emulator.servos:
            servo.power_up()
        assert [(servo.id, servo.baud) for servo in emulator.servos[:3]] == [(n, 1_000_000) for n in (6, 5, 4)]
    assert setup.resume() == ["gripper", "wrist_roll", "wrist_flex"]


def test_one_at_a_time_works_too_and_is_idempotent(emulator: Emulator, setup: MotorSetup):
    for number, joint in enumerate(ORDER[:2]):
        _wire(emulator, number)
        assert setup.give(joint, setup.find(joint)) is True
    assert setup.give("wrist_roll", setup.find("wrist_roll")) is False
    assert [servo.id for servo in emulator.servos] == [6, 5, 1, 1, 1, 1]


def test_it_goes_on_where_it_ended(emulator: Emulator, setup: MotorSetup):
    assert setup.resume() == []
    for number, servo_id in enumerate((6, 5, 3)):
        emulator.servos[number].put(reg.ID, servo_id)
    _wire(emulator, 0, 1, 2)
    assert setup.resume() == ["gripper", "wrist_roll"]


def test_a_step_that_broke_off_halfway_is_mended_by_doing_it_again(emulator: Emulator, setup: MotorSetup, monkeypatch):
    _wire(emulator, 0)
    _set_baud(emulator.servos[0], 1)
    with monkeypatch.context() as patch:
        patch.setattr("so_arm.hardware.setup.motor_setup.set_baud", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            setup.give("gripper", setup.find("gripper"))
    assert (emulator.servos[0].id, emulator.servos[0].baud) == (6, 500_000)
    setup.give("gripper", setup.find("gripper"))
    assert (emulator.servos[0].id, emulator.servos[0].baud) == (6, 1_000_000)


def test_what_is_not_exactly_one_new_servo_is_refused(emulator: Emulator, setup: MotorSetup):
    with pytest.raises(UserError, match="no servo answers at any baud rate; check the power supply"):
        setup.find("gripper")
    _wire(emulator, 0, 1)
    with pytest.raises(UserError, match="several servos with one id talk at once"):
        setup.find("gripper")
    emulator.servos[1].put(reg.ID, 3)
    with pytest.raises(UserError, match=r"servos 1 \(1000000 baud\), 3 \(1000000 baud\) answer, only one may be new"):
        setup.find("gripper")
    emulator.servos[1].put(reg.ID, 6)
    with pytest.raises(UserError, match="id 6 of gripper is taken; connect only the one of gripper"):
        setup.find("gripper")
    _wire(emulator, 1)
    setup.give("gripper", setup.find("gripper"))
    with pytest.raises(UserError, match=r"only servos that are done answer \(6\); connect the one of wrist_roll"):
        setup.find("wrist_roll")


def test_a_faulty_or_foreign_servo_is_refused(emulator: Emulator, setup: MotorSetup):
    _wire(emulator, 0)
    emulator.servos[0].put(reg.MODEL_NUMBER, 1284)
    with pytest.raises(UserError, match="servo 1 is model 1284, not an STS3215"):
        setup.find("gripper")
    with emulator.lock:
        emulator.servos[0].put(reg.MODEL_NUMBER, reg.MODEL_STS3215)
        emulator.servos[0].supply_v = 12.0
        emulator.servos[0].power_up()
    with pytest.raises(UserError, match="servo 1: reports voltage; mend that first"):
        setup.find("gripper")
    assert emulator.servos[0].id == 1


def test_a_servo_that_forgets_is_not_taken_for_done(emulator: Emulator, setup: MotorSetup, monkeypatch):
    _wire(emulator, 0)
    found = setup.find("gripper")
    monkeypatch.setattr("so_arm.hardware.setup.motor_setup.set_id", lambda bus, old, new: None)
    with pytest.raises(UserError, match="gripper: servo 6: no answer"):
        setup.give("gripper", found)
    assert setup.done == []


def test_the_id_of_another_joint_is_noticed():
    def servo(servo_id: int) -> identity.FoundServo:
        return identity.FoundServo(servo_id, 1_000_000, reg.MODEL_STS3215)

    assert owner(servo(IDS["wrist_roll"]), "gripper") == "wrist_roll"
    assert owner(servo(IDS["gripper"]), "gripper") is None
    assert owner(servo(1), "gripper") is None, "the factory's id"
    assert owner(servo(77), "gripper") is None
