"""so-arm record and its terminal, with a stand-in for the graph."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.terminals import Terminal

pytestmark = pytest.mark.ros

PATIENCE_S = 60.0
#: The verb as it is, but for the graph, which runs until there is a file of this name.
PROGRAM = """
import contextlib, pathlib, sys, time
from so_arm.cli import main, recording_run

class Graph:
    def step(self):
        time.sleep(0.05)
        return not pathlib.Path("over").exists()

@contextlib.contextmanager
def graph(*_):
    yield Graph()

recording_run.running_graph = graph
sys.exit(main.main(["record", "--teleop", "keyboard", "--task", "reach"]))
"""


def _until(condition: Callable[[], object], terminal: Terminal) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, terminal.text
        time.sleep(0.02)


@pytest.fixture
def recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ros_domain: int):
    monkeypatch.chdir(tmp_path)
    terminal = Terminal("-c", PROGRAM)
    _until(lambda: "waiting for recording_session" in terminal.text, terminal)
    yield terminal
    terminal.close()


def test_the_terminal_has_the_keys_until_the_graph_ends(recording: Terminal, tmp_path: Path):
    assert "record the next episode" in recording.text and "open the gripper" in recording.text
    assert not recording.is_as_found
    recording.type(b"\x1a")  # Ctrl-Z
    _until(lambda: "[shell] stopped" in recording.text, recording)
    _until(lambda: recording.is_as_found, recording)
    recording.type(b"\n")  # fg
    _until(lambda: not recording.is_as_found, recording)
    (tmp_path / "over").touch()
    _until(lambda: "[shell] exit code 0" in recording.text, recording)
    assert "0 of 1 episodes saved" in recording.text
    assert recording.is_as_found


def test_keys_that_are_killed_end_it_and_the_terminal_is_given_back(recording: Terminal):
    (operator,) = _children(recording.program())
    os.kill(operator, signal.SIGKILL)
    _until(lambda: "operator, which reads the keys, has ended (exit code -9)" in recording.text, recording)
    _until(lambda: recording.is_as_found, recording)


def _children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()]
