"""recording_session: has episodes recorded one after the other until enough are saved, and ends.

Whatever a key can do a service can: ~/record ~/stop ~/next ~/succeed ~/fail ~/discard ~/quit.
"""

from __future__ import annotations

import dataclasses
import math
import time
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import JointState

from so_arm.core.episode_info import EpisodeInfo
from so_arm.core.errors import UserError
from so_arm.core.files import append_json_line, check_new
from so_arm.core.recorder_status import WAITING, RecorderStatus
from so_arm.core.recording_session import Phase, RecordingSession, Sights
from so_arm.core.session_patience import SessionPatience
from so_arm.core.session_status import SessionStatus
from so_arm.nodes import qos
from so_arm.nodes.episode_listener import EpisodeListener
from so_arm.nodes.episode_preparations import CamerasSeen, HomeDrive, WaitLog, unpublished
from so_arm.nodes.episode_source import ENDS, EpisodeSource, answered
from so_arm.nodes.messages import key_values, texts_of
from so_arm.nodes.parameters import parameter
from so_arm.nodes.runtime import RuntimeNode, run
from so_arm.nodes.services import create_triggers
from so_arm.nodes.slow_service import create_slow_trigger

#: Topic -> node, of what has to be there before an episode makes sense.
COMMANDS = {"follower/joint_commands": "command_mux"}
POLICY = {"policy/action_chunk": "act_policy", "policy/action": "residual_corrector"}
TELEOP = {"teleop/command": "teleop"}
_LOOK_S, _FAREWELL_S, _USUAL_WAIT_S = 0.05, 0.3, 30.0


@dataclass(frozen=True)
class Settings:
    episodes: int = parameter(1, "So many episodes are to be saved.", low=1, high=1_000_000)
    automatic: bool = parameter(False, "Episodes begin by themselves; false: each waits for ~/record.")
    rest: float = parameter(0.0, "Time between episodes [s].", low=0.0, high=3600.0)
    source: str = parameter("mujoco_bridge", "Node that runs the episodes.")
    driver: str = parameter("", "Node that drives the arm home before each episode; empty: none.")
    cameras: str = parameter("", "Cameras that have to deliver before the first episode: names with spaces between.")
    policy: bool = parameter(False, "A policy is to be there.")
    teleop: bool = parameter(True, "Teleoperation is to be there.")
    driver_patience: float = parameter(
        30.0, "Automatic: time for the driver to get the arm home, refusals included [s].", low=1.0, high=3600.0
    )
    patience: float = parameter(180.0, "Time to get ready, and for a command to come [s].", low=1.0, high=3600.0)
    results_file: str = parameter("", "New file that gets one line of JSON per episode; empty: none.")


class RecordingSessionNode(RuntimeNode[Settings]):
    def __init__(self) -> None:
        super().__init__("recording_session", Settings)

    def setup(self) -> None:
        settings = self.settings
        if settings.results_file:
            check_new(Path(settings.results_file), "results_file")
        self.refuse_twin()
        self._session = RecordingSession(settings.episodes, settings.automatic, settings.rest)
        self._recorder: RecorderStatus | None = None
        self._counts: dict[str, str] = {}  # what else the recorder says of the newest episode
        self._told: SessionStatus | None = None
        self._turns_told = 0
        self._last_told = ""  # what became of the last episode
        self._done_s = 0.0
        self._patience = SessionPatience(self._session, settings.patience, time.monotonic())
        self._waiting = WaitLog(self.get_logger().info)
        self._status = self.create_publisher(DiagnosticStatus, "recording/status", qos.LATCHED)
        self._episodes = EpisodeListener(self, self._on_episode)
        self.create_subscription(DiagnosticStatus, "recorder/status", self._on_recorder, qos.LATCHED)
        self.create_subscription(JointState, "follower/joint_commands", self._on_command, qos.CONTROL, raw=True)
        self._source = EpisodeSource(self, settings.source)
        patience_s = settings.driver_patience if settings.automatic else math.inf
        self._home = HomeDrive(self, settings.driver, patience_s) if settings.driver else None
        self._eyes = CamerasSeen(self, settings.cameras.split())
        create_triggers(self, record=self._session.record, quit=self._quit)
        create_slow_trigger(self, "~/next", self._next)
        for name in ENDS:
            create_slow_trigger(self, f"~/{name}", partial(self._end, name))
        self._tell()
        self.create_timer(_LOOK_S, self._step)
        self.get_logger().info("ready")

    # ---- what there is to see

    def _sights(self) -> Sights:
        session, home = self._session, self._home
        at_home = session.phase is Phase.homing and (home is None or home.arrived())
        return Sights(self._missing() or "", at_home, self._episodes.info, self._recorder or RecorderStatus())

    def _missing(self) -> str | None:
        settings = self.settings
        chain = COMMANDS | (POLICY if settings.policy else {}) | (TELEOP if settings.teleop else {})
        if silent := unpublished(self, chain):
            return silent
        if absent := self._source.missing():
            return absent
        if self._recorder is None:
            return "nothing on /recorder/status; is recorder running?"
        if self._recorder.phase == WAITING:
            return f"the recorder waits: {self._recorder.problem}"
        return (self._home.missing() if self._home is not None else None) or self._eyes.missing()

    def _on_episode(self, info: EpisodeInfo) -> None:
        self._step()

    def _on_recorder(self, message: DiagnosticStatus) -> None:
        texts = texts_of(message)
        try:
            self._recorder = RecorderStatus.from_text(message.message, texts)
        except UserError as error:
            self.problem(str(error))
            return
        known = {field.name for field in dataclasses.fields(RecorderStatus)}
        self._counts = {name: text for name, text in texts.items() if name not in known}
        self._step()

    def _on_command(self, _: bytes) -> None:
        self._patience.progress(time.monotonic())

    # ---- what is done about it

    def _step(self) -> None:
        session, now = self._session, time.monotonic()
        if session.phase is Phase.done:
            self._end_when_told(now)
            return
        try:
            if (order := session.step(now, self._sights())) is not None:
                self._patience.progress(now)
                self._source.ask(order).add_done_callback(self._on_answer)
            self._patience.check(now)
        except UserError as error:
            self.fail(error)
            return
        self._waiting.note(session.note if session.phase is Phase.waiting else "", now, _USUAL_WAIT_S)
        self._tell()

    def _end_when_told(self, now: float) -> None:
        """Services and listeners get their last answers first."""
        self._done_s = self._done_s or now
        if now - self._done_s > _FAREWELL_S:
            self.context.try_shutdown()

    def _on_answer(self, answer: Future[str]) -> None:
        if (error := answer.exception()) is not None:
            self._session.refused(time.monotonic(), str(error))
            if self._home is not None:
                self._home.leave()
            self._tell()

    # ---- services

    def _end(self, name: str) -> Future[str]:
        try:
            self._session.check_running()
        except UserError as error:
            return answered(error)
        return self._source.ask(name)

    def _next(self) -> Future[str]:
        try:
            order = self._session.next()
        except UserError as error:
            return answered(error)
        return self._source.ask(order) if order is not None else answered("the next episode begins after the rest")

    def _quit(self) -> str:
        order = self._session.quit()
        if order is not None:
            self._source.ask(order)
        return f"the recording ends; {self._session.saved} episodes are saved"

    # ---- what is told

    def _tell(self) -> None:
        session = self._session
        for turn in session.turns[self._turns_told :]:
            self._turns_told += 1
            if self._home is not None:
                self._home.leave()
            self._last_told = session.note
            self.get_logger().info(session.note)
            if self.settings.results_file:
                result = {"line": session.note, **dataclasses.asdict(turn), "counts": self._counts}
                append_json_line(Path(self.settings.results_file), result)
        note = (self._home.refusal if self._home is not None and session.phase is Phase.homing else "") or session.note
        status = SessionStatus(
            phase=session.phase,
            episode=session.number,
            episodes=session.episodes,
            saved=session.saved,
            automatic=session.automatic,
            note=note,
            turns=len(session.turns),
            last=self._last_told,
        )
        if status != self._told:
            self._told = status
            values = key_values(status.to_text())
            self._status.publish(DiagnosticStatus(name="recording", message=status.phase.value, values=values))


def main() -> None:
    run(RecordingSessionNode)


if __name__ == "__main__":
    main()
