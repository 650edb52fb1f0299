"""replay_player: recorded observations into the live graph, in lockstep, and the report of what it answered."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from so_arm.analysis.live_report import LiveReport
from so_arm.core.episode_info import ENDED, RUNNING, STOPPED, EpisodeInfo
from so_arm.core.errors import UserError
from so_arm.core.files import check_new, write_json
from so_arm.core.predictions import Predictions
from so_arm.core.replay_answers import ReplayAnswers
from so_arm.core.residual import residual_scale_rad
from so_arm.core.reward_trace import RewardTrace
from so_arm.data.recordings.recording import RecordedFrames, open_recording
from so_arm.learning.replay_reward import computed_reward, recorded_reward
from so_arm.learning.residual.corrector import Residual
from so_arm.nodes.chunking import Chunking
from so_arm.nodes.episode_preparations import WaitLog
from so_arm.nodes.parameters import parameter
from so_arm.nodes.replay_topics import ReplayTopics
from so_arm.nodes.runtime import RuntimeNode, run
from so_arm.rewards.registry import make_reward

#: An observation without a complete answer is sent again after this time [s].
_RESEND_S = 0.5
#: Between the last stamp of an episode and the first of the next.
_REST_NS = 1_000_000_000
_WAITING_S = 10.0


@dataclass(frozen=True)
class Settings(Chunking):
    recording: str = parameter("", "LeRobot dataset (v3) of this arm, or a bag.")
    residual_path: str = parameter("", "Folder of a trained residual, for the report; empty: the zero residual.")
    reward: str = parameter("", "Reward that reward_estimator computes from /sim/state; empty: as recorded.")
    results_file: str = parameter("", "New file for the report, as JSON; empty: none.")
    patience: float = parameter(120.0, "Time for the graph to get ready, and for an answer [s].", low=1.0, high=3600.0)


class ReplayPlayer(RuntimeNode[Settings]):
    def __init__(self) -> None:
        super().__init__("replay_player", Settings)
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()

    def setup(self) -> None:
        settings = self.settings
        if not settings.recording:
            raise UserError("parameter recording is empty; give a LeRobot dataset or a bag")
        if not settings.lockstep:
            raise UserError("parameter lockstep is false; recorded observations wait for their answers")
        if settings.results_file:
            check_new(Path(settings.results_file), "results_file")
        self._recording = open_recording(Path(settings.recording).expanduser(), settings.fps)
        if self._recording.fps != settings.fps:
            raise UserError(
                f"{settings.recording} has {self._recording.fps:g} Hz, fps is {settings.fps}; give its rate"
            )
        self._timeline = settings.timeline()
        residual = Path(settings.residual_path).expanduser() if settings.residual_path else None
        policy, reward = Path(settings.policy_path), settings.reward or None
        bound_rad = residual_scale_rad(Residual.load(residual, policy).bound)
        self._results = LiveReport(self._recording, policy, residual, reward, bound_rad)
        # An arm that listens would move, and its states would be taken for recorded ones.
        self.refuse_other_publishers("follower/joint_states", "episode/info")
        images = self._recording.episode(0).images(0)
        self._reward = make_reward(settings.reward) if settings.reward else None
        self._topics = ReplayTopics(self, self._timeline.period_ns, images, self._reward is not None)
        self._thread = threading.Thread(target=self._run, name="player", daemon=True)
        self._thread.start()
        self.get_logger().info(f"ready: {len(self._recording)} episodes of {settings.recording}")

    def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(5.0)

    def _run(self) -> None:
        try:
            self._wait_for_graph()
            stamp_ns = _REST_NS
            for index in range(len(self._recording)):
                frames = self._recording.episode(index)
                predictions, trace = self._play(index, frames, stamp_ns)
                stamp_ns += int(frames.stamps_ns[-1] - frames.stamps_ns[0]) + _REST_NS
                self._results.add(frames, predictions, trace)
            self._write(self._results.build())
            self.context.try_shutdown()
        except InterruptedError:
            pass
        except Exception as error:
            self.fail(error)

    def _wait_for_graph(self) -> None:
        waiting, deadline = WaitLog(self.get_logger().info), time.monotonic() + self.settings.patience
        while absent := self._topics.absent():
            waiting.note(absent, time.monotonic(), _WAITING_S)
            if time.monotonic() > deadline:
                raise UserError(absent)
            if self._stop.wait(0.1):
                raise InterruptedError

    def _play(self, index: int, frames: RecordedFrames, start_ns: int) -> tuple[Predictions, RewardTrace]:
        """One episode, with stamps from `start_ns` on, so that no answer is taken for one of another episode."""
        stamps = [int(stamp) for stamp in start_ns + frames.stamps_ns - frames.stamps_ns[0]]
        self._timeline.reset()
        answers = ReplayAnswers(np.array(stamps), self._timeline)
        self._topics.begin(answers)
        info = EpisodeInfo(
            id=f"{start_ns}-{index}", phase=RUNNING, seed=index, task=frames.task, start_stamp_ns=start_ns
        )
        self._topics.episode.publish(info)
        began, rewards = time.monotonic(), []
        for tick, stamp in enumerate(stamps):
            self._observe(frames, tick, stamp, answers)
            if self._reward is not None and frames.sim_states is not None:
                following = stamps[tick + 1] if tick + 1 < len(stamps) else stamp + self._timeline.period_ns
                state = frames.sim_states[tick]
                rewards.append({} if state is None else self._rewarded(state, following))
        self._topics.episode.publish(replace(info, phase=ENDED, outcome=STOPPED, steps=len(stamps)))
        took = time.monotonic() - began
        self.get_logger().info(
            f"episode {index + 1}/{len(self._recording)}: {len(stamps)} ticks in {took:.1f} s,"
            f" {len(stamps) / self.settings.fps / took:.1f} times as fast as it was recorded"
        )
        return answers.predictions(), self._trace(frames, rewards)

    def _observe(self, frames: RecordedFrames, tick: int, stamp: int, answers: ReplayAnswers) -> None:
        images = frames.images(tick)
        self.counts["observations"] += 1
        self._ask(
            lambda: self._topics.observe(stamp, frames.state[tick], images),
            lambda: not answers.missing(tick),
            lambda: f"no {', '.join(answers.missing(tick))} for tick {tick}",
        )

    def _rewarded(self, state: Mapping[str, str], stamp: int) -> Mapping[str, str]:
        """What reward_estimator makes of the simulation's `state` after a tick."""
        self._ask(
            lambda: self._topics.sim_state(stamp, state),
            lambda: self._topics.reward(stamp),
            lambda: "no reward",
        )
        return self._topics.reward(stamp) or {}

    def _ask(self, send: Callable[[], None], answered: Callable[[], object], lacking: Callable[[], str]) -> None:
        """`send` until it is answered."""
        deadline = time.monotonic() + self.settings.patience
        while True:
            send()
            if self._topics.wait(answered, _RESEND_S):
                return
            if self._stop.is_set():
                raise InterruptedError
            if time.monotonic() > deadline:
                cameras = ", ".join(self._recording.cameras) or "none"
                stuck = f"every node is there; does the policy want other cameras than the recording's ({cameras})?"
                raise UserError(f"{lacking()}: {self._topics.absent() or stuck}")
            self.counts["sent_again"] += 1

    def _trace(self, frames: RecordedFrames, rewards: list[Mapping[str, str]]) -> RewardTrace:
        if self._reward is None:
            return recorded_reward(frames)
        if not rewards:
            return computed_reward(frames, self._reward)  # says why there is none
        values = np.array([float(texts["total"]) if texts else np.nan for texts in rewards])
        return RewardTrace(self._reward.name, values, rewards[-1]["success"] == "True" if rewards[-1] else None)

    def _write(self, report: dict[str, Any]) -> None:
        if self.settings.results_file:
            write_json(Path(self.settings.results_file), report)
        error = report["policies"][0]["summary"]["executed_error"]["mae_deg"]["all"]
        self.get_logger().info(f"{error:.3f} degrees from the recorded actions on average")


def main() -> None:
    run(ReplayPlayer)


if __name__ == "__main__":
    main()
