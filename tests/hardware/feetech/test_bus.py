"""The bus against a healthy emulator: state, goals, settings, identity and the port's errors."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import serial

from so_arm.core.errors import UserError
from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.bus import FeetechBus
from so_arm.hardware.feetech.emulator import Emulator
from so_arm.hardware.feetech.errors import PortError, ServoFault, ServoTimeout, StatusError
from so_arm.hardware.feetech.identity import scan, set_baud, set_id
from so_arm.hardware.feetech.packets import Instruction, Packet
from so_arm.hardware.feetech.plant import FirstOrderPlant, Motion
from so_arm.hardware.feetech.settings import apply_start_settings, write_changed
from so_arm.hardware.feetech.state import ServoState

pytestmark = [pytest.mark.slow, pytest.mark.alone]  # all of it together: servos answer in real time

#: Patience for a machine where the emulator's thread may have to wait for a core.
MARGIN_S = 0.4


@pytest.fixture
def bus(emulator: Emulator) -> Iterator[FeetechBus]:
    with FeetechBus(str(emulator.path), margin_s=MARGIN_S) as bus:
        yield bus


def test_full_state_comes_in_one_transaction():
    requests: list[Packet] = []

    def still(goal: np.ndarray, torque: np.ndarray, dt_s: float) -> Motion:
        column = np.arange(1.0, 7.0)
        return Motion(1000 * column / 2, -100 * column, -0.1 * column)

    with (
        Emulator(plant=still, wire_time=False, on_request=requests.append) as emulator,
        FeetechBus(str(emulator.path), margin_s=MARGIN_S) as bus,
    ):
        time.sleep(0.05)
        before = time.monotonic_ns()
        sweep = bus.read_state()
    assert [packet.code for packet in requests] == [Instruction.SYNC_READ]
    assert before <= sweep.stamp_ns <= time.monotonic_ns()
    assert sweep.errors == {}
    for servo_id, state in sweep.servos.items():
        assert isinstance(state, ServoState)
        assert state.position == 500 * servo_id
        assert state.velocity == -100 * servo_id
        assert state.load == pytest.approx(-0.1 * servo_id)
        assert state.voltage == pytest.approx(7.4)
        assert state.temperature == 30
        assert state.current == pytest.approx(0.2 * servo_id, abs=0.0065)
        assert state.moving
        assert state.faults == ServoFault(0)


def test_goals_go_in_one_packet_and_the_arm_follows():
    requests: list[Packet] = []
    with (
        Emulator(wire_time=False, on_request=requests.append) as emulator,
        FeetechBus(str(emulator.path), margin_s=MARGIN_S) as bus,
    ):
        bus.enable_torque()
        requests.clear()
        goals = {servo_id: 2000 + 20 * servo_id for servo_id in bus.ids}
        sweep = bus.exchange(goals)
        assert [packet.code for packet in requests] == [Instruction.SYNC_WRITE, Instruction.SYNC_READ]
        until = time.monotonic() + 20.0
        while time.monotonic() < until and positions(sweep) != goals:
            bus.write_goals(goals)
            sweep = bus.read_state()
    assert positions(sweep) == goals


def test_torque_on_does_not_move_the_arm(emulator: Emulator, bus: FeetechBus):
    bus.write_goals(dict.fromkeys(bus.ids, 1000))
    before = positions(bus.read_state())
    bus.enable_torque()
    time.sleep(0.2)
    assert positions(bus.read_state()) == before
    bus.disable_torque()
    assert [bus.read(servo_id, reg.TORQUE_ENABLE) for servo_id in bus.ids] == [0] * 6


def test_torque_is_off_although_one_servo_is_gone(emulator: Emulator, bus: FeetechBus):
    bus.enable_torque()
    bus.retries = 0
    emulator.servo(2).connected = False
    with pytest.raises(ServoTimeout, match="servo 2: no answer"):
        bus.disable_torque()
    assert [servo.torque() for servo in emulator.servos if servo.id != 2] == [0.0] * 5


def test_start_settings_are_those_of_lerobot_and_written_once(emulator: Emulator, bus: FeetechBus):
    emulator.servo(3).write(reg.LOCK.address, b"\0")
    emulator.servo(3).write(reg.PHASE.address, bytes((12 | 16,)))
    emulator.servo(3).write(reg.RETURN_DELAY_TIME.address, bytes((250,)))
    changed = apply_start_settings(bus, gripper_id=6)
    assert "Phase" in changed[3]
    assert "Return_Delay_Time" in changed[3]
    assert "Phase" not in changed[1]
    for servo in emulator.servos:
        servo.power_up()
        kept = (reg.P_COEFFICIENT, reg.I_COEFFICIENT, reg.D_COEFFICIENT, reg.RETURN_DELAY_TIME, reg.PHASE)
        assert [servo.get(register) for register in kept] == [16, 0, 32, 0, 12]
        assert servo.get(reg.MAXIMUM_ACCELERATION) == 254
    gripper = (reg.MAX_TORQUE_LIMIT, reg.PROTECTION_CURRENT, reg.OVERLOAD_TORQUE)
    assert [emulator.servo(6).get(register) for register in gripper] == [500, 250, 25]
    assert [emulator.servo(5).get(register) for register in gripper] == [1000, 500, 80]
    # Only what power-up forgot is written again.
    again = apply_start_settings(bus, gripper_id=6)
    assert {name for names in again.values() for name in names} == {"Acceleration"}


def test_eeprom_that_agrees_is_not_written():
    writes: list[Packet] = []

    def note(packet: Packet) -> None:
        if packet.code == Instruction.WRITE:
            writes.append(packet)

    with (
        Emulator(wire_time=False, on_request=note) as emulator,
        FeetechBus(str(emulator.path), margin_s=MARGIN_S) as bus,
    ):
        assert write_changed(bus, 1, {reg.HOMING_OFFSET: 0, reg.MAX_POSITION_LIMIT: 4095}) == []
        assert writes == []
        assert write_changed(bus, 1, {reg.HOMING_OFFSET: -100, reg.MAX_POSITION_LIMIT: 4095}) == ["Homing_Offset"]
        assert bus.read(1, reg.HOMING_OFFSET) == -100
        assert bus.read(1, reg.LOCK) == 1
        emulator.servo(1).power_up()
        assert bus.read(1, reg.HOMING_OFFSET) == -100


def test_a_servo_that_confirms_nothing_is_written_all_the_same(emulator: Emulator, bus: FeetechBus):
    bus.retries = 0
    emulator.servo(1).write(reg.RESPONSE_STATUS_LEVEL.address, b"\0")
    bus.write(1, reg.P_COEFFICIENT, 20)
    assert emulator.servo(1).get(reg.P_COEFFICIENT) == 20


def test_scan_finds_servos_at_different_rates(emulator: Emulator, bus: FeetechBus):
    emulator.servo(4).put(reg.BAUD_RATE, 1)
    emulator.servo(5).put(reg.ID, 77)
    found = [(servo.id, servo.baud, servo.model) for servo in scan(bus, (1_000_000, 500_000, 128_000))]
    assert found == [(servo_id, 1_000_000, 777) for servo_id in (1, 2, 3, 6, 77)] + [(4, 500_000, 777)]
    assert bus.link.baud == 1_000_000


def test_id_and_baud_rate_are_set_for_good(emulator: Emulator, bus: FeetechBus):
    servo = emulator.servo(6)
    set_id(bus, 6, 9)
    set_baud(bus, 9, 115_200)
    servo.power_up()
    assert (servo.id, servo.baud) == (9, 115_200)
    assert bus.ping(9) == ServoFault(0)
    with pytest.raises(UserError, match="choose one of"):
        set_baud(bus, 9, 57_600)


def test_an_id_in_use_is_not_given_away(bus: FeetechBus):
    with pytest.raises(UserError, match="servo id 2 is taken"):
        set_id(bus, 1, 2)
    with pytest.raises(UserError, match="impossible"):
        set_id(bus, 1, 254)


def test_a_fault_is_told_in_words(emulator: Emulator, bus: FeetechBus):
    with emulator.lock:
        emulator.servo(2).overload = 1
    until = time.monotonic() + 20.0
    while not emulator.servo(2).faults and time.monotonic() < until:
        time.sleep(0.005)
    with pytest.raises(StatusError, match="servo 2: reports overload") as caught:
        bus.read(2, reg.ID)
    assert caught.value.data == b"\2"
    assert bus.ping(2) == ServoFault.OVERLOAD


def test_the_port_says_what_is_wrong(emulator: Emulator, bus: FeetechBus, tmp_path: Path, monkeypatch):
    with pytest.raises(PortError, match="busy"):
        FeetechBus(str(emulator.path)).open()
    with pytest.raises(PortError, match="does not exist; is the arm plugged in"):
        FeetechBus("/dev/ttyNOT_THERE").open()
    no_port = tmp_path / "file"
    no_port.write_text("")
    with pytest.raises(PortError, match="cannot be opened as a serial port"):
        FeetechBus(str(no_port)).open()

    def refuse(*_: object, **__: object) -> None:
        raise serial.SerialException(errno.EACCES, "no")

    monkeypatch.setattr(serial, "Serial", refuse)
    with pytest.raises(PortError, match="SUBSYSTEM"):
        FeetechBus(str(emulator.path)).open()
    bus.close()
    with pytest.raises(PortError, match="is not open"):
        bus.read_state()


def test_first_order_plant_reaches_its_goal_and_leaves_limp_shafts_alone():
    plant = FirstOrderPlant(np.array([0.0, 0.0]))
    for _ in range(200):
        motion = plant(np.array([100.0, 100.0]), np.array([1.0, 0.0]), 0.002)
    assert motion.shaft == pytest.approx([100.0, 0.0], abs=0.01)


def positions(sweep: object) -> dict[int, int]:
    return {servo_id: state.position for servo_id, state in sweep.servos.items() if isinstance(state, ServoState)}
