"""operator: the terminal of a recording. Keys for its services and for jogging, and one line of how it stands.

Start it in the terminal that is to have it: `ros2 run so_arm operator`, beside record.launch.xml.
"""

from __future__ import annotations

import math
import os
import signal
import time
from dataclasses import dataclass
from types import FrameType

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.client import Client
from rclpy.task import Future
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger

from so_arm.core.arbiter import TELEOP
from so_arm.core.errors import UserError
from so_arm.core.jog import KEYS as JOG_KEYS
from so_arm.core.operator_keys import HELP, SERVICES, TAKE_OVER, HeldKeys, KeyReader
from so_arm.core.operator_view import OperatorView, key_table
from so_arm.core.recording_session import Phase
from so_arm.core.session_status import SessionStatus
from so_arm.core.terminal import KeyTerminal
from so_arm.nodes import qos
from so_arm.nodes.messages import texts_of
from so_arm.nodes.parameters import parameter
from so_arm.nodes.runtime import OK, RuntimeNode, run

_LOOK_S, _SHOW_S = 0.02, 0.2
#: A problem is shown for so long after it was last reported [s]; nodes report once per second.
_FRESH_S = 3.0


@dataclass(frozen=True)
class Settings:
    jog: bool = parameter(False, "Keys move the arm too; the help shows which.")


class Operator(RuntimeNode[Settings]):
    def __init__(self) -> None:
        super().__init__("operator", Settings)
        self._terminal = KeyTerminal()
        self._interrupted = False

    def setup(self) -> None:
        self._terminal.open()
        # An exception in whatever runs just then would be told of as an error.
        signal.signal(signal.SIGINT, self._on_interrupt)
        self._parent = os.getppid()
        self._view = OperatorView()
        self._reader, self._held = KeyReader(), HeldKeys()
        self._begun_s = self._first_s = 0.0  # of the running episode, and of the first
        self._turns_told = 0
        self._problems: dict[str, tuple[str, float]] = {}
        self._others = self.create_publisher(String, "operator/key", qos.STATE)
        self._commands = {
            key: self.create_client(Trigger, f"recording_session/{name}") for key, name in SERVICES.items()
        }
        self._take_over = self.create_client(SetBool, "command_mux/take_over")
        for topic, heard in (
            ("recording/status", self._on_recording),
            ("control/status", self._on_control),
            ("recorder/status", self._on_recorder),
        ):
            self.create_subscription(DiagnosticStatus, topic, heard, qos.LATCHED)
        self.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, qos.STATE)
        self.create_timer(_LOOK_S, self._look)
        self.create_timer(_SHOW_S, self._show)
        self._help()

    def close(self) -> None:
        self._terminal.close()

    def _on_interrupt(self, number: int, _: FrameType | None) -> None:
        self._interrupted = True

    # ---- keys

    def _look(self) -> None:
        for key in self._reader.feed(self._terminal.keys()):
            if key in SERVICES or key in (TAKE_OVER, HELP):
                if self._held.pressed(key, time.monotonic()):
                    self._command(key)
            else:
                self._others.publish(String(data=key))
        if self._interrupted:
            self.context.try_shutdown()

    def _command(self, key: str) -> None:
        if key == HELP:
            self._help()
        elif key == TAKE_OVER:
            self._call(self._take_over, SetBool.Request(data=self._view.source != TELEOP))
        else:
            self._call(self._commands[key], Trigger.Request())

    def _call(self, client: Client, request: Trigger.Request | SetBool.Request) -> None:
        if client.service_is_ready():
            client.call_async(request).add_done_callback(self._on_answer)
        else:
            self._terminal.say(f"there is no service {client.srv_name}")

    def _on_answer(self, future: Future) -> None:
        answer = future.result()
        if answer is not None:
            self._terminal.say(answer.message if answer.success else f"not done: {answer.message}")

    def _help(self) -> None:
        self._terminal.say(key_table(JOG_KEYS if self.settings.jog else {}))

    # ---- what there is to show

    def _on_recording(self, message: DiagnosticStatus) -> None:
        try:
            status = SessionStatus.from_text(message.message, texts_of(message))
        except UserError as error:
            self.problem(str(error))
            return
        view = self._view
        if status.phase is Phase.running and view.phase != Phase.running:
            self._begun_s = time.monotonic()
            self._first_s = self._first_s or self._begun_s
        view.phase, view.note, view.automatic = status.phase, status.note, status.automatic
        view.episode, view.episodes, view.saved = status.episode, status.episodes, status.saved
        if status.turns != self._turns_told:
            self._turns_told = status.turns
            if status.last:
                self._terminal.say(status.last)
        self._show()

    def _on_control(self, message: DiagnosticStatus) -> None:
        texts, view = texts_of(message), self._view
        view.source = message.message
        view.in_control, view.holding = texts.get("in_control") == "true", texts.get("holding") == "true"

    def _on_recorder(self, message: DiagnosticStatus) -> None:
        self._view.recorder, self._view.recorder_problem = message.message, texts_of(message).get("problem", "")

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            if status.level != OK:
                self._problems[status.name] = status.message, time.monotonic()
            else:
                self._problems.pop(status.name, None)

    def _show(self) -> None:
        if os.getppid() != self._parent:  # killed: nobody would take the terminal from us
            self.context.try_shutdown()
        now = time.monotonic()
        view = self._view
        view.since_s = now - self._begun_s
        view.left_s = (now - self._first_s) / view.saved * (view.episodes - view.saved) if view.saved else math.nan
        view.problems = {
            name.rsplit("/", 1)[-1]: text for name, (text, at_s) in self._problems.items() if now - at_s < _FRESH_S
        }
        self._terminal.show(view.line())


def main() -> None:
    run(Operator)


if __name__ == "__main__":
    main()
