"""Go or no-go: every reason that keeps an arm from running, and that checking changes nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from tests.hardware.setup.hand import fewer_baud_rates, fit_servos

from so_arm.core.calibration import Calibration, nominal_calibration
from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.bus import FeetechBus
from so_arm.hardware.feetech.emulator import Emulator
from so_arm.hardware.feetech.faults import Fault, FaultKind
from so_arm.hardware.feetech.servo import Servo
from so_arm.hardware.setup import arm_check
from so_arm.hardware.setup.arm_check import ArmCheck, ArmReport
from so_arm.hardware.setup.bus_health import BusHealth, judged
from so_arm.hardware.setup.findings import Verdict

pytestmark = pytest.mark.slow  # all of it together

CALIBRATION = nominal_calibration({"gripper": -301, "elbow_flex": 12})


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """An arm that is fit to run."""
    with Emulator(fit_servos(CALIBRATION), wire_time=False) as emulator:
        yield emulator


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch):
    fewer_baud_rates(monkeypatch)
    monkeypatch.setattr(arm_check, "PATIENCE_S", 0.2)


def _check(emulator: Emulator, calibration: Calibration | None = CALIBRATION, reads: int = 20) -> ArmReport:
    return ArmCheck(str(emulator.path), calibration, "arm.json", reads=reads).run()


def _finding(report: ArmReport, check: str):
    (found,) = [finding for finding in report.findings if finding.check == check]
    return found


def _reasons(report: ArmReport) -> set[str]:
    # A loaded machine may answer late; the bus has tests of its own.
    return {finding.check for finding in report.reasons} - {"bus"}


def test_a_fit_arm_is_a_go_and_is_left_alone(emulator: Emulator):
    with emulator.lock:
        before = [bytes(servo.memory[:56]) for servo in emulator.servos]
    report = _check(emulator)
    assert _reasons(report) == set()
    rows = [finding.check for finding in report.findings]
    assert rows[:7] == ["port", "servos", "model", "supply", "temperature", "faults", "settings"]
    assert rows[7:] == ["calibration", "ranges", "pose", "bus"]
    assert _finding(report, "servos").found == "1, 2, 3, 4, 5, 6 answer at 1000000 baud"
    assert _finding(report, "settings").found == "as LeRobot's; the driver changes nothing"
    assert _finding(report, "model").found == "STS3215, firmware 3.7"
    assert {joint.name: round(joint.position) for joint in report.pose}["gripper"] == 9
    assert report.health is not None and report.health.reads == 20
    with emulator.lock:
        assert before == [bytes(servo.memory[:56]) for servo in emulator.servos]


def test_only_pings_and_reads_are_sent():
    codes = set()
    with Emulator(wire_time=False, on_request=lambda packet: codes.add(packet.code)) as emulator:
        _check(emulator)
    assert codes <= {0x01, 0x02, 0x82}, "ping, read, sync read"


def test_servos_from_the_box_are_told_what_the_driver_will_change():
    with Emulator(wire_time=False) as emulator:
        report = _check(emulator)
        assert "P_Coefficient 32 → 16 (all); Max_Torque_Limit 1000 → 500 (6)" in _finding(report, "settings").found
        leader = ArmCheck(str(emulator.path), CALIBRATION, is_follower=False, reads=10).run()
        assert "Max_Torque_Limit" not in _finding(leader, "settings").found
    assert _reasons(report) == {"calibration"}


def test_without_a_calibration_file_it_says_how_to_make_one(emulator: Emulator):
    report = _check(emulator, None)
    assert _reasons(report) == {"calibration"}
    cure = f"--calibration FILE, or first so-arm calibrate --port {emulator.path} --output arm.json"
    assert _finding(report, "calibration").cure == cure


def test_the_calibration_of_another_arm_is_a_no_go_with_both_ways_out(emulator: Emulator):
    report = _check(emulator, nominal_calibration({"gripper": -301, "elbow_flex": 500}))
    assert _reasons(report) == {"calibration"}
    finding = _finding(report, "calibration")
    assert (
        finding.found.startswith("elbow_flex holds offset 12, range ") and "the file says offset 500" in finding.found
    )
    assert "calibrate --port" in finding.cure and "--write arm.json" in finding.cure and "--output" in finding.cure


@pytest.mark.parametrize(
    ("fault", "check", "told"),
    [
        (Fault(FaultKind.SILENT, servo=4), "servos", "wrist_flex servo 4: no answer"),
        (Fault(FaultKind.WRONG_ID, servo=4, value=9), "servos", "wrist_flex servo 4: no answer"),
        (Fault(FaultKind.WRONG_ID, servo=5, value=4), "servos", "wrist_roll servo 5: no answer"),
        (Fault(FaultKind.VOLTAGE, value=12.0), "supply", "12.0 V; servo 1 is made for up to 8.0 V"),
        (Fault(FaultKind.VOLTAGE, value=3.5), "supply", "3.5 V; servo 1 needs 4.0 V"),
        (Fault(FaultKind.TEMPERATURE, servo=3, value=75), "temperature", "up to 75 °C (elbow_flex), the limit is 70"),
        (Fault(FaultKind.OVERLOAD, servo=6), "faults", "gripper: overload"),
        (Fault(FaultKind.ENCODER, servo=2, value=1800), "pose", "shoulder_lift is "),
    ],
)
def test_each_fault_is_a_no_go_that_names_it(emulator: Emulator, fault: Fault, check: str, told: str):
    emulator.inject(fault)
    time.sleep(0.1)
    report = _check(emulator, reads=10)
    assert check in _reasons(report)
    assert told in _finding(report, check).found and _finding(report, check).cure


def test_all_silent_ends_with_the_power_supply(emulator: Emulator, monkeypatch):
    monkeypatch.setattr(arm_check, "PATIENCE_S", 0.01)
    emulator.inject(Fault(FaultKind.SILENT))
    report = _check(emulator)
    assert [finding.check for finding in report.findings] == ["port", "servos"]
    assert "is the power supply on" in _finding(report, "servos").cure


def test_a_port_that_does_not_open_is_a_no_go(emulator: Emulator):
    report = ArmCheck("/nowhere", CALIBRATION).run()
    assert not report.go and _finding(report, "port").found.startswith("/nowhere does not exist;")
    with FeetechBus(str(emulator.path)):
        assert "busy" in _finding(_check(emulator), "port").found
    (only,) = ArmCheck("/nowhere", None).run().findings
    assert only.verdict is Verdict.bad


def test_unplugged_in_the_middle_is_a_no_go(emulator: Emulator):
    def pull() -> None:
        emulator.inject(Fault(FaultKind.UNPLUG))
        time.sleep(0.2)

    report = ArmCheck(str(emulator.path), CALIBRATION, reads=50).run(pull)
    assert not report.go and "unplugged" in report.findings[-1].found


def _with(name: str, **changes: int) -> Calibration:
    joints = dict(CALIBRATION.joints)
    joints[name] = replace(joints[name], **changes)
    return Calibration(joints)


@pytest.mark.parametrize(
    ("calibration", "verdict", "told"),
    [
        (_with("elbow_flex", range_min=0, range_max=4095), Verdict.bad, "did the encoder wrap"),
        (_with("elbow_flex", range_min=2000, range_max=4090), Verdict.note, "touches the end of the encoder's turn"),
        (_with("gripper", range_min=2000, range_max=2200), Verdict.note, "less than half of what this joint can turn"),
    ],
)
def test_ranges_that_no_arm_has(emulator: Emulator, calibration: Calibration, verdict: Verdict, told: str):
    finding = _finding(_check(emulator, calibration), "ranges")
    assert finding.verdict is verdict and told in finding.found


@pytest.mark.parametrize(
    ("shown", "change", "told"),
    [
        ("supply", lambda e: [setattr(s, "supply_v", 4.2) for s in e.servos], "4.2 V"),
        ("supply", lambda e: setattr(e.servo(6), "supply_v", 6.0), "6.0 to 7.4 V"),
        ("temperature", lambda e: setattr(e.servo(6), "temperature_c", 60), "up to 60 °C (gripper)"),
        ("model", lambda e: e.servo(2).put(reg.FIRMWARE_MINOR_VERSION, 10), "firmware 3.7 on 1, 3, 4, 5, 6; 3.10 on 2"),
        ("torque", lambda e: e.servo(2).put(reg.TORQUE_ENABLE, 1), "on: the arm holds itself"),
        ("pose", lambda e: setattr(e.servo(2), "encoder_slip", 1190), "outside its range: shoulder_lift by"),
    ],
)
def test_things_worth_knowing_do_not_stop_the_arm(
    emulator: Emulator, shown: str, change: Callable[[Emulator], object], told: str
):
    with emulator.lock:
        change(emulator)
    time.sleep(0.1)
    report = _check(emulator)
    finding = _finding(report, shown)
    assert finding.verdict is Verdict.note and told in finding.found
    assert _reasons(report) == set()


def test_a_strange_servo_is_noted():
    servos = [Servo(servo_id) for servo_id in (1, 2, 3, 4, 5, 6, 9)]
    with Emulator(servos, wire_time=False) as emulator:
        finding = _finding(_check(emulator), "servos")
    assert finding.verdict is Verdict.note
    assert finding.found == "1, 2, 3, 4, 5, 6 answer, and so do 9 at 1000000 baud"


def test_a_bad_cable_shows_in_the_bus(emulator: Emulator, monkeypatch):
    monkeypatch.setattr(arm_check, "PATIENCE_S", 0.02)
    emulator.inject(Fault(FaultKind.CORRUPT, servo=3, value=0.5))
    report = _check(emulator, reads=40)
    finding = _finding(report, "bus")
    assert finding.verdict is Verdict.bad and "cable of servo 3" in finding.cure
    assert report.health is not None and report.health.damaged > 5
    assert 0.2 < report.health.worst_answered < 0.8


def test_the_bus_is_judged_by_its_answers_and_its_speed():
    health = BusHealth(1000, 1.0, 2, 1.0, 1.5, 2.0, 0, 0)
    assert judged(health).found == "100.00% of answers in 1000 reads; 1.5 ms median, 2.0 ms p99; 0 damaged, 0 late"
    assert judged(health).verdict is Verdict.ok
    assert judged(replace(health, answered=0.99, worst_answered=0.95)).verdict is Verdict.note
    assert judged(replace(health, answered=0.95, worst_answered=0.7)).verdict is Verdict.bad
    assert "cable of servo 2" in judged(replace(health, answered=0.99, worst_answered=0.95, damaged=60)).cure
    assert "answers come late" in judged(replace(health, answered=0.99, worst_answered=0.95, late=60)).cure
    assert judged(replace(health, median_ms=14.0)).verdict is Verdict.note
