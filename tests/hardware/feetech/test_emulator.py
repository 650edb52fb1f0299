"""The emulator as the SDK sees it, its timing, and the instructions one by one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import scservo_sdk as sdk

from so_arm.core.clock import date_ns
from so_arm.core.errors import UserError
from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.bus import FeetechBus
from so_arm.hardware.feetech.chain import ServoChain
from so_arm.hardware.feetech.emulator import Emulator
from so_arm.hardware.feetech.faults import Fault, FaultKind, parse_script, read_script
from so_arm.hardware.feetech.packets import BROADCAST_ID, Instruction, Packet, sync_read_request, wire_time_s
from so_arm.hardware.feetech.plant import FirstOrderPlant, Motion
from so_arm.hardware.feetech.servo import Servo

pytestmark = pytest.mark.slow  # all of it together: servos answer in real time

IDS = range(1, 7)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator() as emulator:
        yield emulator


@pytest.fixture
def port(emulator: Emulator, monkeypatch) -> Iterator[sdk.PortHandler]:
    port = sdk.PortHandler(str(emulator.path))
    # Its patience of 34 ms is short for a loaded machine.
    monkeypatch.setattr("scservo_sdk.port_handler.LATENCY_TIMER", 200)
    assert port.openPort()
    yield port
    port.closePort()


def test_sdk_single_servo(emulator: Emulator, port: sdk.PortHandler):
    handler = sdk.PacketHandler(0)
    assert handler.ping(port, 1) == (777, sdk.COMM_SUCCESS, 0)
    assert handler.read2ByteTxRx(port, 2, 56) == (2048, sdk.COMM_SUCCESS, 0)
    assert handler.write2ByteTxRx(port, 2, 42, 3000) == (sdk.COMM_SUCCESS, 0)
    assert handler.read2ByteTxRx(port, 2, 42) == (3000, sdk.COMM_SUCCESS, 0)
    assert handler.regWriteTxRx(port, 3, 42, 2, [0xD0, 7]) == (sdk.COMM_SUCCESS, 0)
    assert handler.read2ByteTxRx(port, 3, 42)[0] == 2048
    assert handler.action(port, BROADCAST_ID) == sdk.COMM_SUCCESS
    assert handler.read2ByteTxRx(port, 3, 42)[0] == 2000


def test_sdk_groups(emulator: Emulator, port: sdk.PortHandler):
    handler = sdk.PacketHandler(0)
    writer = sdk.GroupSyncWrite(port, handler, 42, 2)
    for servo_id in IDS:
        assert writer.addParam(servo_id, [servo_id, 8])
    assert writer.txPacket() == sdk.COMM_SUCCESS
    reader = sdk.GroupSyncRead(port, handler, 42, 2)
    for servo_id in IDS:
        assert reader.addParam(servo_id)
    assert reader.txRxPacket() == sdk.COMM_SUCCESS
    assert [reader.getData(servo_id, 42, 2) for servo_id in IDS] == [2048 + servo_id for servo_id in IDS]


def test_answers_take_their_time_on_the_wire(emulator: Emulator):
    with FeetechBus(str(emulator.path), margin_s=0.4) as bus:
        for baud in (1_000_000, 115_200):
            for servo in emulator.servos:
                servo.put(reg.BAUD_RATE, {1_000_000: 0, 115_200: 4}[baud])
            bus.link.set_baud(baud)
            wire_s = wire_time_s(len(sync_read_request(56, 15, IDS)) + 6 * 21, baud)
            took = []
            for _ in range(20):
                start = time.perf_counter()
                assert not bus.read_state().errors
                took.append(time.perf_counter() - start)
            assert min(took) >= wire_s
            assert min(took) < 2.5 * wire_s


def test_return_delay_holds_answers_back(emulator: Emulator):
    for servo in emulator.servos:
        servo.put(reg.RETURN_DELAY_TIME, 250)
    with FeetechBus(str(emulator.path), margin_s=0.4) as bus:
        start = time.perf_counter()
        bus.read_state()
        assert time.perf_counter() - start >= 1.4e-3 + 6 * 500e-6


def test_another_baud_rate_is_not_understood(emulator: Emulator):
    with FeetechBus(str(emulator.path), baud=500_000, margin_s=0.01, retries=0) as bus:
        assert len(bus.read_state().errors) == 6


@pytest.mark.alone
def test_physics_has_dates_of_its_own_that_stay_close_behind():
    """They go on by whole steps, also where several are made at once; after a long stop by whole control ticks more."""
    dates: list[tuple[int, int]] = []
    plant = FirstOrderPlant(np.full(6, 2048.0))
    stops_s = {30: 0.02, 60: 0.13}  # by step

    def dated(goal: np.ndarray, torque: np.ndarray, dt_s: float) -> Motion:
        dates.append((emulator.date_ns(), date_ns()))
        time.sleep(stops_s.get(len(dates), 0.0))
        return plant(goal, torque, dt_s)

    emulator = Emulator(plant=dated)
    with emulator:
        deadline = time.monotonic() + 20.0
        while len(dates) < 100 and time.monotonic() < deadline:
            time.sleep(0.01)
    physics, wall = np.array(dates).T
    left_out = np.diff(physics) - 2_000_000
    assert np.abs(left_out - 100_000_000 * np.round(left_out / 100_000_000)).max() < 1_000
    assert left_out[59] > 99_000_000
    assert np.count_nonzero(left_out > 1_000) <= emulator.counts["physics_lags"]
    assert (physics < wall).all() and (wall - physics).min() < 20_000_000


def test_port_is_gone_after_stop_and_nothing_stays(tmp_path: Path):
    before = len(list(Path("/proc/self/fd").iterdir()))
    path = tmp_path / "port"
    for _ in range(3):
        with Emulator(path=path):
            assert path.is_symlink()
        assert list(tmp_path.iterdir()) == []
    assert len(list(Path("/proc/self/fd").iterdir())) == before
    path.write_text("")
    with pytest.raises(UserError, match="exists"):
        Emulator(path=path).start()


# --- instructions, without a port ---------------------------------------------------------------------------------


@pytest.fixture
def chain() -> ServoChain:
    servos = [Servo(servo_id) for servo_id in IDS]
    return ServoChain(servos, FirstOrderPlant(np.array([servo.shaft for servo in servos])))


def ask(chain: ServoChain, servo_id: int, code: int, *params: int) -> list[bytes]:
    return [reply.data for reply in chain.handle(Packet(servo_id, code, bytes(params)), 1_000_000)]


def test_broadcast_ping_is_answered_by_all_in_order(chain: ServoChain):
    assert ask(chain, BROADCAST_ID, Instruction.PING) == [Packet(servo_id, 0).encode() for servo_id in IDS]


def test_response_level_0_answers_ping_and_read_only(chain: ServoChain):
    ask(chain, 1, Instruction.WRITE, reg.RESPONSE_STATUS_LEVEL.address, 0)
    assert ask(chain, 1, Instruction.WRITE, reg.P_COEFFICIENT.address, 9) == []
    assert ask(chain, 1, Instruction.PING) == [Packet(1, 0).encode()]
    assert ask(chain, 1, Instruction.READ, reg.P_COEFFICIENT.address, 1) == [Packet(1, 0, b"\x09").encode()]


def test_locked_eeprom_forgets_at_power_up(chain: ServoChain):
    servo = chain.servos[0]
    ask(chain, 1, Instruction.WRITE, reg.P_COEFFICIENT.address, 9)
    assert servo.get(reg.P_COEFFICIENT) == 9
    assert ask(chain, 1, Instruction.REBOOT) == [Packet(1, 0).encode()]
    assert servo.get(reg.P_COEFFICIENT) == 32
    ask(chain, 1, Instruction.WRITE, reg.LOCK.address, 0)
    ask(chain, 1, Instruction.WRITE, reg.P_COEFFICIENT.address, 9)
    ask(chain, 1, Instruction.REBOOT)
    assert servo.get(reg.P_COEFFICIENT) == 9
    ask(chain, 1, Instruction.FACTORY_RESET)
    assert (servo.get(reg.P_COEFFICIENT), servo.id) == (32, 1)


def test_read_only_registers_stay(chain: ServoChain):
    ask(chain, 1, Instruction.WRITE, reg.MODEL_NUMBER.address, 1, 1)
    ask(chain, 1, Instruction.WRITE, reg.PRESENT_POSITION.address, 1, 1)
    assert chain.servos[0].get(reg.MODEL_NUMBER) == 777
    assert chain.servos[0].present() == 2048


@pytest.mark.parametrize(
    ("shaft", "code", "params", "position"),
    [
        (100.0, Instruction.CALIBRATE_OFFSET, (), 2048),
        (3000.0, Instruction.CALIBRATE_OFFSET, (0xE8, 3), 1000),
        (100.0, Instruction.WRITE, (reg.TORQUE_ENABLE.address, 128), 2048),
    ],
)
def test_offset_calibration(shaft: float, code: int, params: tuple[int, ...], position: int):
    servo = Servo(1, shaft)
    servo.answer(Packet(1, code, bytes(params)))
    assert servo.present() == position
    servo.power_up()
    assert servo.present() == position


def test_homing_offset_is_taken_off_and_wraps():
    servo = Servo(1, 100.0)
    servo.write(reg.HOMING_OFFSET.address, reg.HOMING_OFFSET.encode(300))
    assert servo.present() == 4096 - 200
    servo.write(reg.PHASE.address, bytes((12 | reg.PHASE_MULTI_TURN,)))
    assert servo.present() == -200
    servo.shaft += 4096
    assert servo.present() == 3896
    servo.answer(Packet(1, Instruction.RESET_TURNS))
    assert servo.present() == -200


def test_goals_stay_within_the_limits(chain: ServoChain):
    servo = chain.servos[0]
    servo.put(reg.MAX_POSITION_LIMIT, 2200)
    servo.write(reg.TORQUE_ENABLE.address, b"\1")
    servo.write(reg.GOAL_POSITION.address, reg.GOAL_POSITION.encode(4000))
    for _ in range(500):
        chain.advance(0.002)
    assert servo.present() == 2200


def test_speed_and_acceleration_limit_the_way():
    servo = Servo(1)
    chain = ServoChain([servo], FirstOrderPlant(np.array([servo.shaft]), 0.002))
    servo.write(reg.TORQUE_ENABLE.address, b"\1")
    servo.write(reg.GOAL_VELOCITY.address, reg.GOAL_VELOCITY.encode(1000))
    servo.write(reg.ACCELERATION.address, bytes((100,)))
    servo.write(reg.GOAL_POSITION.address, reg.GOAL_POSITION.encode(3048))
    speeds = []
    for _ in range(700):
        chain.advance(0.002)
        speeds.append(servo.velocity)
    assert max(speeds) == pytest.approx(1000, rel=0.05)
    assert max(np.diff(speeds)) < 10000 * 0.002 * 1.2
    assert servo.present() == 3048


def test_limp_servo_stays(chain: ServoChain):
    servo = chain.servos[0]
    servo.write(reg.GOAL_POSITION.address, reg.GOAL_POSITION.encode(3000))
    for _ in range(100):
        chain.advance(0.002)
    assert servo.present() == 2048


def test_nonsense_is_not_answered(chain: ServoChain):
    for code, params in ((0x77, ()), (Instruction.READ, (1,)), (Instruction.SYNC_READ, ()), (Instruction.WRITE, (5,))):
        assert ask(chain, 1, code, *params) == []


def test_random_packets_do_no_harm(chain: ServoChain):
    chance = np.random.default_rng(0)
    for _ in range(3000):
        code = int(chance.choice([*Instruction, 0x40]))
        params = chance.integers(0, 256, chance.integers(0, 12), dtype=np.uint8).tobytes()
        chain.handle(Packet(int(chance.integers(0, 8)), code, params), 1_000_000)
        chain.handle(Packet(BROADCAST_ID, code, params), 1_000_000)
        chain.advance(0.002)


@pytest.mark.parametrize(
    ("text", "message"),
    [("1 slient", "Did you mean 'silent'"), ("x silent", "could not convert"), ("1 silent of=3", "is not '<at")],
)
def test_a_wrong_script_is_refused(text: str, message: str):
    with pytest.raises(UserError, match=message):
        parse_script(text)


def test_scripts_come_from_files(tmp_path: Path):
    (tmp_path / "faults").write_text("2 unplug for=3\n1 late servo=2 value=0.1\n")
    late, unplug = read_script(tmp_path / "faults")
    assert late == Fault(FaultKind.LATE, 2, 0.1, at_s=1.0)
    assert (unplug.kind, unplug.servo, unplug.for_s, unplug.at_s) == (FaultKind.UNPLUG, None, 3.0, 2.0)
    with pytest.raises(UserError, match="cannot be read"):
        read_script(tmp_path / "none")
