"""residual_switch with a stand-in for the corrector's service, and for the terminal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool
from tests.nodes.conftest import Ros, running_episode

from so_arm.core.episode_info import EpisodeInfo
from so_arm.nodes import qos, residual_switch
from so_arm.nodes.messages import JointStateWriter, key_values
from so_arm.nodes.residual_switch import ResidualSwitch

pytestmark = pytest.mark.ros


class KeysAndLines:
    """In place of a terminal."""

    def __init__(self) -> None:
        self.typed, self.said, self.shown = b"", [], ""

    def open(self) -> None: ...

    def close(self) -> None: ...

    def keys(self) -> bytes:
        typed, self.typed = self.typed, b""
        return typed

    def say(self, text: str) -> None:
        self.said.append(text)

    def show(self, line: str) -> None:
        self.shown = line


class Bench:
    def __init__(self, ros: Ros) -> None:
        self.ros, self.asked = ros, []
        ros.probe.create_service(SetBool, "residual_corrector/set_enabled", self._answer)
        self.node = ros.start(ResidualSwitch)
        self.info = ros.publisher(DiagnosticStatus, "episode/info", qos.LATCHED)
        self.residuals = ros.publisher(JointState, "policy/residual_action", qos.COMMAND)
        ros.until(self.node._switch.service_is_ready, "the service")

    def _answer(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self.asked.append(request.data)
        response.success, response.message = True, f"residual {'on' if request.data else 'off'}"
        return response

    def episode(self, name: str, residual: float, outcome: str) -> None:
        self._tell(running_episode(0, name))
        self.ros.until(lambda: self.node._current_id == name, "the episode")
        for tick in range(1, 4):
            self.residuals.publish(JointStateWriter().write(tick, np.full(6, residual)))
            self.ros.until(lambda k=tick: self.node._tally._ticks == k, f"tick {tick}")
        self._tell(EpisodeInfo(name, "ended", 5, outcome=outcome, reward=2.0, steps=3))
        self.ros.until(lambda: not self.node._current_id, "its end")

    def _tell(self, info: EpisodeInfo) -> None:
        self.info.publish(DiagnosticStatus(values=key_values(info.to_text())))


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> KeysAndLines:
    stand_in = KeysAndLines()
    monkeypatch.setattr(residual_switch, "KeyTerminal", lambda: stand_in)
    monkeypatch.setattr(residual_switch.signal, "signal", lambda *_: None)  # the test's own Ctrl-C
    return stand_in


def test_keys_switch_and_episodes_are_told(ros: Ros, terminal: KeysAndLines) -> None:
    bench = Bench(ros)
    for switches, key in enumerate((b" ", b"r"), start=1):
        terminal.typed = b"x" + key
        ros.until(lambda n=switches: len(bench.asked) == n == len(terminal.said), "the switch")
    assert bench.asked == [False, True] and terminal.said == ["residual off", "residual on"]
    bench.episode("a", 0.01, "success")
    bench.episode("b", 0.0, "failure")
    bench.episode("c", 0.0, "discarded")
    ros.until(lambda: "residual OFF" in terminal.shown, "the last line")
    assert "base 0 of 1, base + residual 1 of 1" in terminal.said[-1]


def test_alternating_needs_no_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(residual_switch.signal, "signal", lambda *_: None)
    results = tmp_path / "results.jsonl"
    ros = Ros(["-p", "keys:=false", "-p", "alternate:=true", "-p", f"results_file:={results}"])
    try:
        bench = Bench(ros)
        bench.episode("a", 0.01, "success")
        ros.until(lambda: bench.asked == [False], "the switch off")
        bench.episode("b", 0.0, "failure")
        ros.until(lambda: bench.asked == [False, True], "the switch on")
    finally:
        ros.close()
    turns: list[dict[str, Any]] = [json.loads(line) for line in results.read_text().splitlines()]
    assert [(turn["mode"], turn["success"], turn["steps"]) for turn in turns] == [
        ("base + residual", True, 3),
        ("base", False, 3),
    ]
