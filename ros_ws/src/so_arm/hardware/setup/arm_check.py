"""Go or no-go for one arm: reads everything that can keep it from running, moves nothing and writes nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from so_arm.core.calibration import Calibration
from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.bus import ARM_IDS, FeetechBus
from so_arm.hardware.feetech.errors import PortError, ServoError
from so_arm.hardware.feetech.identity import FoundServo, scan
from so_arm.hardware.setup import bus_health, pose_checks, servo_checks
from so_arm.hardware.setup.bus_health import BusHealth
from so_arm.hardware.setup.findings import Finding, Verdict, bad, note, ok
from so_arm.hardware.setup.ports import PATIENCE_S
from so_arm.hardware.setup.pose_checks import JointPose
from so_arm.hardware.setup.servo_facts import ServoFacts, read_facts


@dataclass
class ArmReport:
    findings: list[Finding] = field(default_factory=list)
    servos: list[ServoFacts] = field(default_factory=list)
    pose: list[JointPose] = field(default_factory=list)
    health: BusHealth | None = None

    @property
    def go(self) -> bool:
        return not self.reasons

    @property
    def reasons(self) -> list[Finding]:
        """What keeps the arm from running."""
        return [finding for finding in self.findings if finding.verdict is Verdict.bad]


@dataclass(frozen=True)
class ArmCheck:
    """calibration: None when there is no file yet, which is a no-go. is_follower: its gripper has settings of its own.

    file: how messages call the calibration file. reads: of the bus's health.
    """

    port: str
    calibration: Calibration | None
    file: str = "FILE"
    is_follower: bool = True
    reads: int = 1000

    def run(self, on_read: Callable[[], None] = lambda: None) -> ArmReport:
        """`on_read` is called at every read of the bus's health."""
        report = ArmReport()
        try:
            with FeetechBus(self.port, self._ids) as bus:
                report.findings.append(ok("port", f"{self.port} opens"))
                self._look(bus, report, on_read)
        except PortError as error:
            report.findings.append(bad("port", str(error)))
        return report

    @property
    def _ids(self) -> tuple[int, ...]:
        if self.calibration is None:
            return ARM_IDS
        return tuple(joint.id for joint in self.calibration.in_order())

    def _look(self, bus: FeetechBus, report: ArmReport, on_read: Callable[[], None]) -> None:
        quick_s, bus.link.margin_s = bus.link.margin_s, PATIENCE_S
        lost = self._read_servos(bus, report)
        report.findings.append(servo_checks.presence(bus.ids, lost, _elsewhere(bus, bool(lost))))
        if report.servos:
            self._judge_servos(report)
            self._judge_calibration(report)
            bus.link.margin_s = quick_s  # as patient as the driver is
            report.health = bus_health.measure(bus, self.reads, on_read)
            report.findings.append(bus_health.judged(report.health))

    def _read_servos(self, bus: FeetechBus, report: ArmReport) -> dict[int, ServoError]:
        lost: dict[int, ServoError] = {}
        for servo_id in bus.ids:
            try:
                is_gripper = self.is_follower and servo_id == bus.ids[-1]
                report.servos.append(read_facts(bus, servo_id, is_gripper))
            except ServoError as error:
                lost[servo_id] = error
        return lost

    def _judge_servos(self, report: ArmReport) -> None:
        for check in (
            servo_checks.models,
            servo_checks.supply,
            servo_checks.temperature,
            servo_checks.faults,
            servo_checks.settings,
        ):
            report.findings.append(check(report.servos))
        if any(servo.torque_on for servo in report.servos):
            report.findings.append(
                note("torque", "on: the arm holds itself", "it stays so; this check changes nothing")
            )

    def _judge_calibration(self, report: ArmReport) -> None:
        measure = f"so-arm calibrate --port {self.port} --output {self.file}"
        if self.calibration is None:
            report.findings.append(bad("calibration", "no file given", f"--calibration FILE, or first {measure}"))
            return
        measure += " --force"  # there is a file of that name
        facts = {servo.id: servo for servo in report.servos}
        write = f"so-arm calibrate --port {self.port} --write {self.file}"
        report.pose = pose_checks.pose_of(self.calibration, facts)
        report.findings += [
            pose_checks.stored_calibration(self.calibration, facts, (write, measure)),
            pose_checks.wraps(self.calibration, measure),
            pose_checks.pose(report.pose),
        ]


def _elsewhere(bus: FeetechBus, thorough: bool) -> list[FoundServo]:
    """Servos that are not those of the bus; at other rates only when some of those are missing."""
    rates = reg.BAUD_RATES.values() if thorough else [bus.link.baud]
    return [servo for servo in scan(bus, rates) if servo.id not in bus.ids or servo.baud != bus.link.baud]
