"""motor_driver: the real arm on its servo bus, follower or leader."""

from __future__ import annotations

import dataclasses
import sys
from collections import Counter
from dataclasses import dataclass

from sensor_msgs.msg import JointState

from so_arm.core.calibration_formats import read_calibration
from so_arm.core.calibration_place import FOLLOWER, LEADER, ROLES, find_calibration
from so_arm.core.clock import date_ns
from so_arm.core.episode_info import EpisodeInfo
from so_arm.core.errors import UserError
from so_arm.core.joints import NUM_JOINTS
from so_arm.core.poses import HOME_POSE, REST_POSE
from so_arm.hardware.driver.driver import ArmDriver
from so_arm.hardware.driver.sample import ArmState
from so_arm.hardware.driver.settings import EXITS, LOWER, DriverSettings
from so_arm.hardware.driver.status import Level
from so_arm.hardware.feetech.registers import BAUD_RATES
from so_arm.nodes import qos
from so_arm.nodes.episode_listener import EpisodeListener
from so_arm.nodes.messages import JointStateReader, JointStateWriter, stamp_ns
from so_arm.nodes.parameters import parameter
from so_arm.nodes.robot_description import publish_description
from so_arm.nodes.runtime import ERROR, OK, WARN, RuntimeNode, run
from so_arm.nodes.services import create_switches
from so_arm.nodes.slow_service import create_slow_trigger

_LEVELS = {Level.OK: OK, Level.WARN: WARN, Level.ERROR: ERROR}
_SIX = (NUM_JOINTS,)


@dataclass(frozen=True)
class Settings:
    port: str = parameter("/dev/ttyACM0", "Serial port of the servo bus.")
    baud: int = parameter(1_000_000, f"Baud rate: {', '.join(map(str, BAUD_RATES.values()))}.", low=1, high=1_000_000)
    role: str = parameter(FOLLOWER, "follower: moves; leader: no torque, states only.", choices=ROLES)
    calibration_file: str = parameter("", "Calibration of this arm; empty: LeRobot's for robot_id.")
    robot_id: str = parameter("", "Name under which LeRobot has the calibration of this arm.")
    rate: float = parameter(100.0, "Bus cycles and joint states [Hz].", low=50.0, high=500.0)
    fps: float = parameter(30.0, "Rate of commands, between which goals are interpolated [Hz].", low=1.0, high=200.0)
    home_pose: tuple[float, ...] = parameter(HOME_POSE, "Where ~/home goes [rad].", low=-4.0, high=4.0, lengths=_SIX)
    rest_pose: tuple[float, ...] = parameter(
        REST_POSE, "Where the arm lies without torque [rad].", low=-4.0, high=4.0, lengths=_SIX
    )
    approach_velocity: float = parameter(1.0, "Way to commands after a break, and home [rad/s].", low=0.05, high=3.0)
    start_velocity: float = parameter(3.0, "Way from home to the first commands after it [rad/s].", low=0.05, high=5.0)
    lowering_velocity: float = parameter(0.5, "Way to the rest pose [rad/s].", low=0.05, high=3.0)
    command_timeout: float = parameter(0.5, "Commands older than this are refused [s].", low=0.01, high=10.0)
    lower_after: float = parameter(
        60.0, "Without commands for so long the arm is lowered [s]; 0: never.", low=0.0, high=86400.0
    )
    release_after_lowering: bool = parameter(True, "Torque off once it is lowered.")
    on_exit: str = parameter(LOWER, "What becomes of the arm at the end.", choices=EXITS)
    wait_for_port: float = parameter(10.0, "Patience with a port that is not there at start [s].", low=0.0, high=600.0)
    answer_margin: float = parameter(0.002, "How late an adapter may pass on answers [s].", low=0.0005, high=0.05)
    temperature_warning: float = parameter(55.0, "Servos this hot are warned of [C].", low=30.0, high=70.0)
    temperature_limit: float = parameter(65.0, "Servos this hot must rest [C].", low=35.0, high=70.0)
    min_voltage: float = parameter(4.5, "The arm holds while the supply is below [V].", low=3.0, high=12.0)
    load_limit: float = parameter(0.75, "A body joint that pushes this hard is held back.", low=0.1, high=1.0)
    current_limit: float = parameter(1.5, "A body joint that takes this much is held back [A].", low=0.1, high=4.0)
    gripper_load_limit: float = parameter(0.22, "The gripper squeezes no harder for long.", low=0.05, high=1.0)


class MotorDriver(RuntimeNode[Settings]):
    def __init__(self) -> None:
        super().__init__("motor_driver", Settings)
        self._driver: ArmDriver | None = None
        self._not_before_ns = 0
        self._writer = JointStateWriter(with_velocity=True)
        self._reader = JointStateReader("joint command")

    def setup(self) -> None:
        settings = self.settings
        file = find_calibration(settings.calibration_file, settings.robot_id, settings.role)
        calibration = read_calibration(file)
        self.refuse_other_publishers(f"{settings.role}/joint_states")
        self._states = self.create_publisher(JointState, f"{settings.role}/joint_states", qos.STATE)
        driver = ArmDriver(driver_settings(settings), calibration, self._on_state, self._log, source=str(file))
        driver.start()
        self._driver = driver
        if settings.role == FOLLOWER:
            self._follow(driver)
        self.get_logger().info(f"ready: {settings.role} on {settings.port}")

    def close(self) -> None:
        if self._driver is not None:
            self._driver.close()

    def check_health(self) -> tuple[bytes, str]:
        assert self._driver is not None
        if self._driver.failure is not None:
            self.fail(self._driver.failure)
        status = self._driver.status()
        self.counts.update(Counter(status.counts) - self.counts)
        self.readings = status.readings
        level, text = super().check_health()
        return (_LEVELS[status.level], status.text) if level <= _LEVELS[status.level] else (level, text)

    def health_to_log(self, level: bytes, text: str) -> tuple[bytes, str]:
        return super().check_health()  # the driver tells of the arm itself, and sooner

    def _follow(self, driver: ArmDriver) -> None:
        """What only an arm that moves has."""
        self._description = publish_description(self)
        self._episodes = EpisodeListener(self, self._on_episode)
        self.create_subscription(JointState, "follower/joint_commands", self._on_command, qos.CONTROL)
        create_switches(self, estop=driver.estop, enable_torque=driver.enable_torque)
        create_slow_trigger(self, "~/home", driver.home)

    def _on_state(self, state: ArmState) -> None:
        """In the bus thread, which goes on after the end of ROS to lower the arm."""
        try:
            if self.context.ok():
                self._states.publish(self._writer.write(state.stamp_ns, state.position, state.velocity))
        except Exception:
            if self.context.ok():
                raise

    def _log(self, level: Level, line: str) -> None:
        if not self.context.ok():  # on the way down: ROS's own logger would complain that it is gone
            print(f"[{level.name}] [{self.get_name()}]: {line}", file=sys.stderr, flush=True)
        elif level is Level.OK:
            self.get_logger().info(line)
        elif level is Level.WARN:
            self.get_logger().warning(line)
        else:
            self.get_logger().error(line)

    def _on_episode(self, info: EpisodeInfo) -> None:
        # What answers an observation of before a start, or of before an end, belongs to another episode.
        self._not_before_ns = info.start_stamp_ns if info.running else date_ns()

    def _on_command(self, message: JointState) -> None:
        assert self._driver is not None
        stamp = stamp_ns(message.header.stamp)
        if stamp < self._not_before_ns:
            self.counts["outside_episode"] += 1
            return
        try:
            self._driver.command(self._reader.position(message), stamp)
        except UserError as error:
            self.counts["malformed_commands"] += 1
            self.problem(f"refused: {error}")


def driver_settings(settings: Settings) -> DriverSettings:
    shared = {field.name for field in dataclasses.fields(Settings)}
    values = {f.name: getattr(settings, f.name) for f in dataclasses.fields(DriverSettings) if f.name in shared}
    return DriverSettings(**values, leader=settings.role == LEADER)


def main() -> None:
    run(MotorDriver)


if __name__ == "__main__":
    main()
