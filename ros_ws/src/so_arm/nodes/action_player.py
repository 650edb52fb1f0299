"""action_player: sends the commands of a recorded episode at their recorded times, and writes how the arm moved."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from sensor_msgs.msg import JointState

from so_arm.core.calibration_formats import read_calibration
from so_arm.core.calibration_place import FOLLOWER, find_calibration
from so_arm.core.clock import date_of
from so_arm.core.errors import UserError
from so_arm.core.files import check_new, write_json
from so_arm.core.following import at_times
from so_arm.core.joints import GRIPPER, JOINT_NAMES
from so_arm.core.playback import Playback, approach, play
from so_arm.data.joint_units import JointUnits
from so_arm.data.recorded_episode import read_episode
from so_arm.nodes import qos
from so_arm.nodes.messages import JointStateReader, JointStateWriter, stamp_ns
from so_arm.nodes.parameters import parameter
from so_arm.nodes.runtime import RuntimeNode, run

#: States older than this mean that the arm is gone [s].
_SILENCE_S = 2.0
#: The arm is at the first command with every body joint that near: gravity pulls it some degrees away.
_NEAR_RAD = 0.2
_ARRIVAL_S = 5.0
BODY = slice(0, GRIPPER)
#: States after the last command, for the last frame's.
_TAIL_S = 0.3


@dataclass(frozen=True)
class Settings:
    dataset: str = parameter("", "LeRobot dataset (v3) of this arm.")
    episode: int = parameter(0, "Number of the episode.", low=0, high=10_000_000)
    units: str = parameter("", "Of the dataset; empty: what its metadata tell.", choices=("", *JointUnits))
    calibration_file: str = parameter("", "Calibration of this arm, for units 'range'.")
    robot_id: str = parameter("", "Name under which LeRobot has the calibration of this arm, for units 'range'.")
    approach_velocity: float = parameter(0.5, "Way to the first command [rad/s].", low=0.05, high=2.0)
    rest: float = parameter(1.0, "Rest before the recording begins [s].", low=0.1, high=60.0)
    patience: float = parameter(120.0, "Time that the arm has to appear [s].", low=1.0, high=3600.0)
    results_file: str = parameter("", "New file for times and measured positions, as JSON; empty: none.")


class ActionPlayer(RuntimeNode[Settings]):
    def __init__(self) -> None:
        super().__init__("action_player", Settings)
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def setup(self) -> None:
        settings = self.settings
        units = JointUnits(settings.units) if settings.units else None
        calibration = None
        if units is JointUnits.range:
            calibration = read_calibration(find_calibration(settings.calibration_file, settings.robot_id, FOLLOWER))
        self._episode = read_episode(Path(settings.dataset).expanduser(), settings.episode, units, calibration)
        if settings.results_file:
            check_new(Path(settings.results_file), "results_file")
        self._reader, self._writer = JointStateReader("joint state"), JointStateWriter()
        self._seen: list[tuple[int, np.ndarray]] = []
        self._heard_s = 0.0
        self.refuse_other_publishers("teleop/command")
        self._commands = self.create_publisher(JointState, "teleop/command", qos.COMMAND)
        self.create_subscription(JointState, "follower/joint_states", self._on_state, qos.RECORDER)
        self._thread = threading.Thread(target=self._run, name="player", daemon=True)
        self._thread.start()
        self.get_logger().info(f"ready: {len(self._episode)} commands, recorded in {self._episode.units}")

    def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5.0)

    def _on_state(self, message: JointState) -> None:
        try:
            position = self._reader.position(message)
        except UserError as error:
            self.problem(str(error))
            return
        self.counts["states"] += 1
        self._heard_s = time.monotonic()
        self._seen.append((stamp_ns(message.header.stamp), position))

    def _run(self) -> None:
        """In a thread of its own: commands are due at absolute times."""
        try:
            self._wait_for_the_arm()
            began_ns = self._play()
            self._write(began_ns)
            self.context.try_shutdown()
        except InterruptedError:
            pass
        except Exception as error:
            self.fail(error)

    def _wait_for_the_arm(self) -> None:
        deadline = time.monotonic() + self.settings.patience
        while not (self._seen and self._commands.get_subscription_count() and self._arm_listens()):
            if self._stop.wait(0.05):
                raise InterruptedError
            if time.monotonic() > deadline:
                missing = "no command_mux" if self._seen else "no joint states; is the motor_driver running?"
                raise UserError(f"the arm did not appear within {self.settings.patience:.0f} s: {missing}")

    def _arm_listens(self) -> bool:
        return self.count_subscribers("follower/joint_commands") > 0

    def _play(self) -> int:
        """Returns when the recording began, on the clock of the states' stamps [ns]."""
        episode, settings = self._episode, self.settings
        way = approach(
            self._seen[-1][1],
            episode.state[0],
            episode.action[0],
            velocity=settings.approach_velocity,
            period_s=1.0 / episode.fps,
            rest_s=settings.rest,
        )
        self.get_logger().info(f"going to the first command, which takes {way.time_s[-1]:.1f} s")
        play(way, self._command, sleep=self._sleep)
        self._wait_for_arrival(Playback(way.time_s[:1], way.position[-1:]))
        self.get_logger().info(f"playing {episode.time_s[-1]:.1f} s")
        self._seen = self._seen[-10:]
        began_s = play(Playback(episode.time_s, episode.action), self._command, sleep=self._sleep)
        self._sleep(_TAIL_S)
        return date_of(round(began_s * 1e9))

    def _command(self, position: np.ndarray) -> None:
        if time.monotonic() - self._heard_s > _SILENCE_S:
            raise UserError(f"no joint states for {_SILENCE_S:.1f} s, so nothing more is played; see /diagnostics")
        self.counts["commands"] += 1
        # It answers the newest state, as every command does.
        self._commands.publish(self._writer.write(self._seen[-1][0], position))

    def _wait_for_arrival(self, first: Playback) -> None:
        """A busy computer, or an arm that held for a while, comes later than planned."""
        deadline = time.monotonic() + _ARRIVAL_S
        while True:
            away = np.abs(self._seen[-1][1] - first.position[0])[BODY]  # the jaw may hold something
            if away.max() <= _NEAR_RAD:
                return
            if time.monotonic() > deadline:
                name = JOINT_NAMES[int(away.argmax())]
                raise UserError(
                    f"the arm does not get to the first command: {name} is {np.degrees(away.max()):.0f} degrees away;"
                    " see /diagnostics of motor_driver"
                )
            play(first, self._command)
            self._sleep(1.0 / self._episode.fps)

    def _sleep(self, seconds: float) -> None:
        if self._stop.wait(seconds):
            raise InterruptedError

    def _write(self, began_ns: int) -> None:
        if not self.settings.results_file:
            return
        stamps_s = np.array([stamp - began_ns for stamp, _ in self._seen]) / 1e9
        positions = np.array([position for _, position in self._seen])
        measured = at_times(stamps_s, positions, self._episode.time_s)
        results = {"time_s": self._episode.time_s.tolist(), "measured_rad": measured.tolist()}
        write_json(Path(self.settings.results_file), results)


def main() -> None:
    run(ActionPlayer)


if __name__ == "__main__":
    main()
