"""The driver's thread against emulated servos: connecting, following, losing things and getting them back."""

from __future__ import annotations

import errno
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import serial

from so_arm.core.calibration import TICKS_PER_TURN
from so_arm.core.calibration_formats import read_calibration
from so_arm.core.clock import date_ns
from so_arm.core.errors import UserError
from so_arm.core.joints import NUM_JOINTS
from so_arm.core.paths import share_dir
from so_arm.core.poses import HOME_POSE
from so_arm.core.ticks import TickScale
from so_arm.hardware.driver.driver import ArmDriver
from so_arm.hardware.driver.sample import ArmState
from so_arm.hardware.driver.settings import DriverSettings
from so_arm.hardware.driver.status import ERROR, Mode
from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.emulator import Emulator
from so_arm.hardware.feetech.faults import Fault, FaultKind
from so_arm.hardware.feetech.packets import Instruction, Packet
from so_arm.hardware.feetech.port import SerialPort
from so_arm.hardware.feetech.preset import servos_of

pytestmark = [pytest.mark.slow, pytest.mark.alone]  # all of it together: servos answer in real time

CALIBRATION = read_calibration(share_dir() / "calibration" / "example_follower.json")
SCALE = TickScale(CALIBRATION)
HOME = np.array(HOME_POSE)
PATIENCE_S = 30.0


class Bench:
    """An emulated arm at home, and drivers on it; every goal that reaches the wire is kept [rad]."""

    def __init__(self) -> None:
        self.goals: list[np.ndarray] = []
        self.widths: list[int] = []  #: how many servos each goal packet addressed
        self.states: list[ArmState] = []
        self.lines: list[str] = []
        self.emulator = Emulator(servos_of(CALIBRATION, HOME), on_request=self._hear, wire_time=False).start()
        self._drivers: list[ArmDriver] = []

    def driver(self, **settings: Any) -> ArmDriver:
        values = {"port": str(self.emulator.path), "wait_for_port": 5.0, "answer_margin": 0.006, **settings}
        driver = ArmDriver(
            DriverSettings(**values), CALIBRATION, self.states.append, lambda _, line: self.lines.append(line)
        )
        self._drivers.append(driver)
        return driver

    def started(self, mode: Mode = Mode.HOLDING, **settings: Any) -> ArmDriver:
        driver = self.driver(**settings)
        driver.start()
        self.until(lambda: driver.status().mode is mode and all(driver.torque.on) == (mode is Mode.HOLDING), mode)
        return driver

    def until(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"waited for {what}; log: {self.lines}"
            time.sleep(0.005)

    def command(self, driver: ArmDriver, position: np.ndarray, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            driver.command(position, self.states[-1].stamp_ns)
            time.sleep(1 / 30)

    def register(self, register: reg.Register) -> list[int]:
        with self.emulator.lock:
            return [servo.get(register) for servo in self.emulator.servos]

    def inject(self, kind: FaultKind, servo: int | None = None, **values: float) -> None:
        self.emulator.inject(Fault(kind, servo, **values))

    def close(self) -> None:
        for driver in self._drivers:
            driver.logic.torque_off = True  # no way down to wait for
            driver.close()
        self.emulator.stop()

    def _hear(self, packet: Packet) -> None:
        if packet.code == Instruction.SYNC_WRITE and packet.params[0] == reg.GOAL_POSITION.address:
            parts = [packet.params[k : k + 3] for k in range(2, len(packet.params), 3)]
            self.widths.append(len(parts))
            if len(parts) < NUM_JOINTS:
                return
            self.goals.append(SCALE.rad_from_ticks([reg.GOAL_POSITION.decode(part[1:]) for part in parts]))


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.close()


def test_it_takes_the_arm_over_where_it_is_and_follows(bench: Bench) -> None:
    driver = bench.started()
    assert np.allclose(bench.goals[0], HOME, atol=0.002)
    assert bench.register(reg.P_COEFFICIENT) == [16] * 6
    bench.command(driver, HOME - 0.3, 1.5)
    assert driver.status().mode is Mode.FOLLOWING
    assert np.allclose(bench.states[-1].position, HOME - 0.3, atol=0.03)
    assert np.allclose(bench.states[-1].goal, HOME - 0.3)
    assert driver.home().result(PATIENCE_S) == "at home"
    assert np.allclose(bench.states[-1].position, HOME, atol=0.15)


def test_stamps_grow_and_are_those_of_the_date(bench: Bench) -> None:
    bench.started()
    count = len(bench.states)
    bench.until(lambda: len(bench.states) > count + 50, "states")
    stamps = [state.stamp_ns for state in bench.states]
    assert all(a < b for a, b in itertools.pairwise(stamps))
    assert 0 <= time.time_ns() - stamps[-1] < 1e9


def test_emergency_stop_in_motion_freezes_the_goal_within_two_cycles(bench: Bench) -> None:
    driver = bench.started()
    mover = threading.Thread(target=bench.command, args=(driver, HOME - 0.8, 1.0))
    mover.start()
    bench.until(lambda: bench.states[-1].position[0] < -0.3, "motion")
    count = len(bench.goals)
    driver.estop(True)
    mover.join()
    frozen = bench.goals[count + 2]
    assert all(np.array_equal(goal, frozen) for goal in bench.goals[count + 2 :])
    assert np.abs(frozen - bench.goals[count]).max() < 0.25, "where the arm was then"
    assert driver.status().mode is Mode.ESTOPPED
    driver.close()
    assert bench.register(reg.TORQUE_ENABLE) == [1] * 6, "it stays frozen"


def test_a_calibration_of_another_arm_refuses_motion_and_says_how_to_settle_it(bench: Bench) -> None:
    bench.emulator.servo(3).keep(reg.HOMING_OFFSET, 77)
    with pytest.raises(UserError, match=r"elbow_flex has Homing_Offset 77, the file says 0") as caught:
        bench.driver().start()
    assert "so-arm check --port" in str(caught.value) and "so-arm calibrate --port" in str(caught.value)
    assert bench.register(reg.TORQUE_ENABLE) == [0] * 6 and bench.goals == []


def test_a_servo_that_is_not_there_is_named(bench: Bench) -> None:
    bench.inject(FaultKind.SILENT, 4)
    with pytest.raises(UserError, match="wrist_flex: servo 4: no answer"):
        bench.driver(wait_for_port=0.0).start()


def test_it_waits_for_the_port(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "later"
    threading.Timer(0.5, lambda: path.symlink_to(bench.emulator.path.resolve())).start()
    bench.started(port=str(path))
    with pytest.raises(UserError, match="does not exist"):
        bench.driver(port=str(tmp_path / "never"), wait_for_port=0.3).start()


def test_a_busy_port_is_told(bench: Bench) -> None:
    port = SerialPort(str(bench.emulator.path), 1_000_000)
    with pytest.raises(UserError, match="busy: another program has it open"):
        bench.driver().start()
    port.close()


def test_no_permission_names_the_udev_rule(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(*_: object, **__: object) -> None:
        raise serial.SerialException(errno.EACCES, "Permission denied")

    monkeypatch.setattr(serial, "Serial", denied)
    with pytest.raises(UserError, match=r'no permission.*dialout.*SUBSYSTEM=="tty".*rules\.d'):
        bench.driver().start()


def test_unplugged_and_back_it_starts_from_the_measured_pose(bench: Bench) -> None:
    driver = bench.started()
    bench.command(driver, HOME - 0.3, 1.0)
    bench.inject(FaultKind.UNPLUG, for_s=1.0)
    bench.until(lambda: driver.status().mode is Mode.CONNECTING, "the loss")
    assert driver.status().level is ERROR
    states, goals = len(bench.states), len(bench.goals)
    bench.until(lambda: driver.status().mode is Mode.HOLDING and all(driver.torque.on), "the return")
    assert len(bench.states) > states
    assert np.allclose(bench.goals[goals], bench.states[states].position, atol=0.01)
    assert bench.states[states].stamp_ns - bench.states[states - 1].stamp_ns > 0.5e9, "nothing was made up"
    bench.command(driver, HOME, 1.0)
    assert driver.status().mode is Mode.FOLLOWING
    assert driver.status().counts["reconnections"] == 1


def test_another_arm_on_the_port_is_refused_until_it_is_settled(bench: Bench) -> None:
    driver = bench.started()
    bench.inject(FaultKind.UNPLUG, for_s=0.3)
    with bench.emulator.lock:
        bench.emulator.servo(2).keep(reg.MAX_POSITION_LIMIT, 3000)
    bench.until(lambda: driver.status().mode is Mode.REFUSED, "the refusal")
    assert "shoulder_lift has Max_Position_Limit 3000, the file says 3187" in driver.status().text
    with bench.emulator.lock:
        bench.emulator.servo(2).keep(reg.MAX_POSITION_LIMIT, 3187)
    bench.until(lambda: driver.status().mode is Mode.HOLDING, "the return")
    assert sum("Motion is refused" in line for line in bench.lines) == 1, "one line per change"


def test_a_silent_servo_stops_the_states_and_is_named(bench: Bench) -> None:
    driver = bench.started()
    bench.inject(FaultKind.SILENT, 5)
    bench.until(lambda: "wrist_roll: servo 5" in driver.status().text, "the name")
    count = len(bench.states)
    time.sleep(0.3)
    assert len(bench.states) == count
    bench.emulator.clear()
    bench.until(lambda: len(bench.states) > count and driver.status().level is not ERROR, "the return")


def test_two_servos_with_one_id_are_not_driven_on(bench: Bench) -> None:
    driver = bench.started()
    bench.inject(FaultKind.WRONG_ID, 3, value=4.0)
    bench.until(lambda: "wrist_flex" in driver.status().text and "elbow_flex" in driver.status().text, "the names")
    time.sleep(0.1)
    count = len(bench.widths)
    bench.until(lambda: len(bench.widths) > count + 5, "goals")
    assert set(bench.widths[count:]) == {4}, "the two get none"
    bench.emulator.clear()
    bench.until(lambda: driver.status().level is not ERROR, "the return")


def test_a_servo_that_restarted_gets_its_torque_back_where_it_is(bench: Bench) -> None:
    driver = bench.started()
    with bench.emulator.lock:
        servo = bench.emulator.servo(2)
        servo.power_up()
        servo.shaft -= 60  # it has sunk
    count = len(bench.goals)
    bench.until(lambda: driver.status().counts.get("servo_restarts"), "notice")
    bench.until(lambda: all(driver.torque.on), "torque")
    assert servo.get(reg.TORQUE_ENABLE) == 1 and servo.get(reg.ACCELERATION) == 254
    bench.command(driver, HOME, 1.0)
    assert driver.status().mode is Mode.FOLLOWING
    steps = np.abs(np.diff(bench.goals[count:], axis=0))
    assert steps.max() < 0.15, "to the measured pose, and slowly back"


def test_an_overload_latch_is_cleared(bench: Bench) -> None:
    driver = bench.started()
    bench.inject(FaultKind.OVERLOAD, 3)
    bench.until(lambda: driver.status().counts["overloads"] == 1, "notice")
    bench.until(lambda: bench.emulator.servo(3).overload == 0 and all(driver.torque.on), "the end of it")
    bench.until(lambda: driver.status().level is not ERROR, "health")


@pytest.mark.parametrize(("how", "torque"), [("hold", 1), ("limp", 0), ("lower", 0)])
def test_the_end(bench: Bench, how: str, torque: int) -> None:
    driver = bench.started(on_exit=how)
    before = time.monotonic()
    driver.close()
    assert time.monotonic() - before < 8.0
    assert bench.register(reg.TORQUE_ENABLE) == [torque] * 6
    driver.close()


def test_an_arm_that_cannot_be_lowered_is_not_dropped(bench: Bench) -> None:
    driver = bench.started(on_exit="lower")
    bench.inject(FaultKind.ENCODER, 2, value=400)
    bench.until(lambda: "jumped" in driver.status().text, "notice")
    driver.close()
    assert bench.register(reg.TORQUE_ENABLE) == [1] * 6
    assert any("could not be lowered" in line for line in bench.lines)


def test_a_leader_is_limp_and_takes_no_commands(bench: Bench) -> None:
    for servo in bench.emulator.servos:
        servo.put(reg.TORQUE_ENABLE, 1)
    driver = bench.started(Mode.LIMP, leader=True)
    bench.until(lambda: bench.register(reg.TORQUE_ENABLE) == [0] * 6, "torque off")
    bench.command(driver, HOME, 0.3)
    assert bench.goals == [] and len(bench.states) > 10
    assert "the leader arm takes no commands" in driver.status().text
    with pytest.raises(UserError, match="no torque"):
        driver.enable_torque(True)


def test_refused_commands_are_counted_and_named(bench: Bench) -> None:
    driver = bench.started()
    now_ns = date_ns()
    for position, stamp_ns in (
        (np.full(6, np.nan), now_ns),
        (HOME, now_ns - 2_000_000_000),
        (HOME, now_ns + 10_000_000_000),
        (HOME[:5], now_ns),
    ):
        before = driver.intake.counts["commands"]
        driver.command(position, stamp_ns)
        bench.until(lambda before=before: driver.intake.counts["commands"] > before, "the command")
    status = driver.status()
    assert status.mode is Mode.HOLDING and status.counts["refused_commands"] == 4
    for reason in ("gripper is not finite", "stale", "from the future", "command has 5 joints"):
        assert reason in status.readings["refused"]


def test_enable_torque_takes_it_and_gives_it_back(bench: Bench) -> None:
    driver = bench.started()
    driver.enable_torque(False)
    bench.until(lambda: bench.register(reg.TORQUE_ENABLE) == [0] * 6, "torque off")
    with pytest.raises(UserError, match="torque is off"):
        driver.home().result(PATIENCE_S)
    driver.enable_torque(True)
    bench.until(lambda: bench.register(reg.TORQUE_ENABLE) == [1] * 6, "torque on")


def test_torque_of_an_arm_that_is_not_connected_is_told_as_it_is(bench: Bench) -> None:
    driver = bench.started()
    bench.inject(FaultKind.UNPLUG, for_s=2.0)
    bench.until(lambda: driver.status().mode is Mode.CONNECTING, "the loss")
    with pytest.raises(UserError, match="not connected"):
        driver.enable_torque(True)
    assert "NOT connected" in driver.enable_torque(False)
    bench.until(lambda: bench.register(reg.TORQUE_ENABLE) == [0] * 6, "torque off once it is back")


def test_home_is_answered_when_the_driver_ends_or_has_ended(bench: Bench) -> None:
    driver = bench.started(on_exit="hold", approach_velocity=0.05)
    bench.command(driver, HOME - 0.1, 0.5)
    asked = driver.home()
    driver.close()
    with pytest.raises(UserError, match="the driver"):
        asked.result(0)
    with pytest.raises(UserError, match="has ended"):
        driver.home().result(0)


def test_it_sees_a_wrapped_encoder(bench: Bench) -> None:
    driver = bench.started()
    bench.inject(FaultKind.ENCODER, 2, value=float(TICKS_PER_TURN // 8))
    bench.until(lambda: driver.logic.health.encoder.slipped, "the slip")
    count = len(bench.states)
    time.sleep(0.2)
    assert len(bench.states) == count and "enable_torque" in driver.status().text
    driver.enable_torque(True)
    bench.until(lambda: len(bench.states) > count and driver.status().mode is Mode.HOLDING, "acceptance")
