"""residual_switch: a person's hand on the residual. A key, or every new episode, switches it; each episode is counted.

Start it beside a launch with a residual, in the terminal that is to have it: `ros2 run so_arm residual_switch`.
"""

from __future__ import annotations

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from rclpy.task import Future
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool

from so_arm.core.episode_info import DISCARDED, ENDED, EpisodeInfo
from so_arm.core.errors import UserError
from so_arm.core.files import append_json_line, check_new
from so_arm.core.operator_keys import HeldKeys, KeyReader
from so_arm.core.residual_tally import ResidualTally
from so_arm.core.terminal import KeyTerminal
from so_arm.nodes import qos
from so_arm.nodes.episode_listener import EpisodeListener
from so_arm.nodes.messages import JointStateReader, stamp_ns
from so_arm.nodes.parameters import parameter
from so_arm.nodes.runtime import RuntimeNode, run

KEYS = ("space", "r")
_LOOK_S, _SHOW_S = 0.02, 0.2


@dataclass(frozen=True)
class Settings:
    keys: bool = parameter(True, "Read keys from the terminal: space or r switches.")
    alternate: bool = parameter(False, "Switch after every episode.")
    results_file: str = parameter("", "New file that gets one line of JSON per episode; empty: none.")


class ResidualSwitch(RuntimeNode[Settings]):
    def __init__(self) -> None:
        super().__init__("residual_switch", Settings)
        self._terminal: KeyTerminal | None = None
        self._interrupted = False

    def setup(self) -> None:
        settings = self.settings
        if settings.results_file:
            check_new(Path(settings.results_file), "results_file")
        if settings.keys:
            self._terminal = KeyTerminal()
            self._terminal.open()
        # An exception in whatever runs just then would be told of as an error.
        signal.signal(signal.SIGINT, self._on_interrupt)
        self._parent = os.getppid()
        self._on = True
        self._tally, self._reader = ResidualTally(), JointStateReader("residual action")
        self._keys, self._held = KeyReader(), HeldKeys()
        self._switch = self.create_client(SetBool, "residual_corrector/set_enabled")
        self._current_id = ""
        self._episodes = EpisodeListener(self, self._on_episode)
        self.create_subscription(JointState, "policy/residual_action", self._on_residual, qos.RECORDER)
        self.create_timer(_LOOK_S, self._look)
        self.create_timer(_SHOW_S, self._show)

    def close(self) -> None:
        if self._terminal is not None:
            self._terminal.close()

    def _on_interrupt(self, number: int, _: FrameType | None) -> None:
        self._interrupted = True

    # ---- episodes

    def _on_episode(self, info: EpisodeInfo) -> None:
        if info.running:
            self._current_id = info.id
            self._tally.begin()
        elif info.phase == ENDED and info.id == self._current_id:
            self._current_id = ""
            if info.outcome != DISCARDED:
                self._count(info)

    def _count(self, info: EpisodeInfo) -> None:
        if self.settings.alternate:  # first, so that it holds when the next one begins
            self._set(not self._on)
        turn = self._tally.end(info)
        line = self._tally.line(turn)
        if self.settings.results_file:
            append_json_line(Path(self.settings.results_file), turn.to_dict() | {"line": line})
        self._say(line)

    def _on_residual(self, message: JointState) -> None:
        if not self._episodes.covers(stamp_ns(message.header.stamp)):
            return
        try:
            residual = self._reader.position(message)
        except UserError as error:
            self.problem(str(error))
            return
        self._on = bool(residual.any())
        self._tally.tick(residual)

    # ---- the switch

    def _look(self) -> None:
        if self._terminal is not None:
            for key in self._keys.feed(self._terminal.keys()):
                if key in KEYS and self._held.pressed(key, time.monotonic()):
                    self._set(not self._on)
        if self._interrupted or os.getppid() != self._parent:  # killed: nobody would take the terminal from us
            self.context.try_shutdown()

    def _set(self, on: bool) -> None:
        def told(future: Future) -> None:
            answer = future.result()
            if answer is not None and answer.success:
                self._on = on
                self._say(answer.message)

        if self._switch.service_is_ready():
            self._switch.call_async(SetBool.Request(data=on)).add_done_callback(told)
        else:
            self._say(f"there is no service {self._switch.srv_name}")

    # ---- the terminal

    def _say(self, text: str) -> None:
        if self._terminal is not None:
            self._terminal.say(text)

    def _show(self) -> None:
        if self._terminal is not None:
            running = f"seed {self._episodes.info.seed}" if self._episodes.info.running else "waiting for an episode"
            parts = (f"residual {'ON' if self._on else 'OFF'}, space switches", running, self._tally.rates())
            self._terminal.show(" | ".join(part for part in parts if part))


def main() -> None:
    run(ResidualSwitch)


if __name__ == "__main__":
    main()
