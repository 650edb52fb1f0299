"""episode_runner: has the bridge run episodes one after the other, writes their results, and ends.

Where there is a motor driver, the arm is driven home before each.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from pathlib import Path

from rclpy.task import Future
from sensor_msgs.msg import JointState
from std_srvs.srv import Trigger

from so_arm.core.episode import EpisodeResult
from so_arm.core.episode_info import DISCARDED, ENDED, IDLE, SUCCESS, EpisodeInfo
from so_arm.core.errors import UserError
from so_arm.core.files import append_json_line, check_new, write_json
from so_arm.core.statistics import mean, percentiles, wilson_interval
from so_arm.nodes import qos
from so_arm.nodes.episode_listener import EpisodeListener
from so_arm.nodes.episode_preparations import CamerasSeen, HomeDrive, WaitLog, unpublished
from so_arm.nodes.parameters import parameter
from so_arm.nodes.runtime import RuntimeNode, run

#: What has to be there before an episode makes sense: topic -> the node that publishes it.
CHAIN = {
    "policy/action_chunk": "act_policy",
    "policy/action": "residual_corrector",
    "follower/joint_commands": "command_mux",
}
#: What is waited for that long is told [s]; nodes take longer to start, act_policy most of all.
WAITING_S, STARTING_S = 3.0, 30.0


@dataclass(frozen=True)
class Settings:
    episodes: int = parameter(5, "Number of episodes.", low=1, high=1_000_000)
    bridge: str = parameter("mujoco_bridge", "Node that runs the episodes.")
    driver: str = parameter("", "Node that drives the arm home before each episode; empty: none.")
    cameras: str = parameter("", "Cameras that have to deliver before the first episode: names with spaces between.")
    driver_patience: float = parameter(
        30.0, "Time for the driver to get the arm home, refusals included [s].", low=1.0, high=3600.0
    )
    fps: int = parameter(30, "Control rate [Hz].", low=1, high=200)
    results_file: str = parameter("", "New file that gets one line of JSON per episode; empty: none.")
    summary_file: str = parameter("", "New file that gets the summary as JSON; empty: none.")
    patience: float = parameter(180.0, "Time to get ready, and for a command to come [s].", low=1.0, high=3600.0)


class EpisodeRunner(RuntimeNode[Settings]):
    def __init__(self) -> None:
        super().__init__("episode_runner", Settings)

    def setup(self) -> None:
        for what, file in (("results_file", self.settings.results_file), ("summary_file", self.settings.summary_file)):
            if file:
                check_new(Path(file), what)
        self.refuse_twin()  # it would give its orders to the other one's bridge
        self._results: list[EpisodeResult] = []
        self._latencies_ms: list[tuple[float, float]] = []  # p50 and p99 of each episode
        self._starting: Future | None = None
        self._current_id = ""
        self._begun = self._progress = time.monotonic()
        self._wall_s = 0.0
        self._episodes = EpisodeListener(self, self._on_episode)
        self._start = self.create_client(Trigger, f"{self.settings.bridge}/start")
        driver = self.settings.driver
        self._home = HomeDrive(self, driver, self.settings.driver_patience) if driver else None
        self._eyes = CamerasSeen(self, self.settings.cameras.split())
        self._waiting = WaitLog(self.get_logger().info)
        self.create_subscription(JointState, "follower/joint_commands", self._on_command, qos.CONTROL, raw=True)
        self.create_timer(0.1, self._watch)

    def _watch(self) -> None:
        patient = time.monotonic() - self._progress < self.settings.patience
        if self._episodes.info.running:
            if not patient:
                self.fail(UserError(f"no command answers: {self._absent() or 'every node is there, one is stuck'}"))
            return
        if self._starting is not None:
            if not patient:
                self.fail(UserError(f"{self.settings.bridge} has not started an episode; is it stuck?"))
            return
        absent = self._absent()
        missing = absent or self._eyes.missing()
        reason = missing or (self._home.refusal if self._home is not None else "")
        self._waiting.note(reason, time.monotonic(), STARTING_S if absent else WAITING_S)
        if missing is not None:
            if not patient:
                self.fail(UserError(f"no episode can start: {missing}"))
        elif self._home is None or self._home.arrived():
            self._starting = self._start.call_async(Trigger.Request())
            self._starting.add_done_callback(self._on_started)

    def _absent(self) -> str | None:
        """A node that is not there yet."""
        if silent := unpublished(self, CHAIN):
            return silent
        if not self._start.service_is_ready():
            return f"there is no service {self._start.srv_name}; is {self.settings.bridge} running?"
        return self._home.missing() if self._home is not None else None

    def _on_started(self, future: Future) -> None:
        answer = future.result()
        if not answer.success:
            self.fail(UserError(f"{self.settings.bridge} does not start an episode: {answer.message}"))
        self.get_logger().info(answer.message)

    def _on_episode(self, info: EpisodeInfo) -> None:
        self._progress = time.monotonic()
        if info.running:
            self._current_id, self._begun = info.id, time.monotonic()
        elif info.phase == ENDED and info.id == self._current_id:
            self._starting = None
            if self._home is not None:
                self._home.leave()
            if info.outcome != DISCARDED:  # its seed is run again
                self._finish_episode(info)
        elif info.phase == IDLE and self._current_id:
            self._starting = None  # the world was reset under the episode; the next one takes its place

    def _on_command(self, _: bytes) -> None:
        self._progress = time.monotonic()

    def _finish_episode(self, info: EpisodeInfo) -> None:
        self._wall_s += time.monotonic() - self._begun
        success = info.outcome == SUCCESS
        result = EpisodeResult(
            seed=info.seed,
            success=success,
            reward=info.reward,
            steps=info.steps,
            failure=None if success else info.failure or info.outcome,
            seconds=info.steps / self.settings.fps,
        )
        self._results.append(result)
        self._latencies_ms.append((info.latency_p50_ms, info.latency_p99_ms))
        if self.settings.results_file:
            append_json_line(Path(self.settings.results_file), result.to_dict())
        self.get_logger().info(
            f"episode {len(self._results)}/{self.settings.episodes}: seed {result.seed},"
            f" {'success' if success else result.failure}, reward {result.reward:.2f}, {result.steps} steps"
        )
        if len(self._results) == self.settings.episodes:
            self._conclude()

    def _conclude(self) -> None:
        successes, count = sum(result.success for result in self._results), len(self._results)
        low, high = wilson_interval(successes, count)
        p50, p99 = (percentiles(column, (50.0,))[0] for column in zip(*self._latencies_ms, strict=True))
        # On a real arm nobody measures it.
        latency = f"; from joint state to command p50 {p50:.1f} ms, p99 {p99:.1f} ms" if math.isfinite(p50) else ""
        seconds = sum(result.seconds for result in self._results)
        summary = {
            "success_rate": successes / count,
            "success_ci95": [low, high],
            "mean_reward": mean([result.reward for result in self._results]),
            "mean_steps": mean([result.steps for result in self._results]),
            "latency_ms": {"p50": p50, "p99": p99},
            "real_time_factor": seconds / self._wall_s if self._wall_s else None,
            "episodes": [result.to_dict() for result in self._results],
        }
        if self.settings.summary_file:
            write_json(Path(self.settings.summary_file), summary)
        self.get_logger().info(
            f"{successes} of {count} succeeded ({low:.0%} to {high:.0%} with 95 % confidence){latency}"
        )
        self.context.try_shutdown()


def main() -> None:
    run(EpisodeRunner)


if __name__ == "__main__":
    main()
