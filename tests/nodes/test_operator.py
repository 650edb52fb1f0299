"""operator on a real terminal of its own."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
import termios
import threading
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.ros


#: A shell with job control: Ctrl-Z brings it back, a line makes it say `fg`.
SHELL = 'set -m; "$@"; echo "[shell] stopped"; read -r; fg >/dev/null; echo "[shell] exit code $?"; read -r'


class Terminal:
    """A pseudo-terminal, and a shell in it that runs a program in its foreground."""

    def __init__(self, *command: str) -> None:
        self._master, self._slave = os.openpty()
        self.found = termios.tcgetattr(self._slave)
        self.text = ""
        self.process = subprocess.Popen(
            ["bash", "-c", SHELL, "bash", sys.executable, *command],
            stdin=self._slave,
            stdout=self._slave,
            stderr=self._slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        self._stopping = False
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def type(self, keys: bytes) -> None:
        os.write(self._master, keys)

    @property
    def is_as_found(self) -> bool:
        return termios.tcgetattr(self._slave)[3] == self.found[3]

    def program(self) -> int:
        """Process id of the program."""
        return self._children()[0]

    def close(self) -> None:
        for pid in (*self._children(), self.process.pid):
            os.kill(pid, signal.SIGKILL)
        self.process.wait(10)
        self._stopping = True
        self._thread.join(10)
        os.close(self._master)
        os.close(self._slave)

    def _children(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii")
        return [int(child) for child in children.split()]

    def _read(self) -> None:
        while not self._stopping:
            if select.select([self._master], [], [], 0.1)[0]:
                self.text += os.read(self._master, 65536).decode(errors="replace")


@pytest.fixture
def terminal():
    terminal = Terminal("-m", "so_arm.nodes.operator", "--ros-args", "-p", "jog:=true")
    yield terminal
    terminal.close()


def test_keys_call_services_and_the_terminal_is_given_back(ros, terminal: Terminal):
    from diagnostic_msgs.msg import DiagnosticStatus
    from std_msgs.msg import String
    from std_srvs.srv import SetBool, Trigger

    from so_arm.nodes import qos
    from so_arm.nodes.messages import key_values

    asked: list[str] = []

    def serve(name: str):
        def answer(request, response):
            asked.append(f"{name} {request.data}" if name == "take_over" else name)
            response.success, response.message = name != "stop", f"{name}: said"
            return response

        return answer

    for name in ("record", "stop", "discard"):
        ros.probe.create_service(Trigger, f"recording_session/{name}", serve(name))
    ros.probe.create_service(SetBool, "command_mux/take_over", serve("take_over"))
    keys = ros.listen(String, "operator/key", qos.STATE)
    ros.until(lambda: "waiting for recording_session" in terminal.text, "the line")
    assert "stop and save as a failure" in terminal.text and "open the gripper" in terminal.text
    assert not terminal.is_as_found

    values = {"episode": "1", "episodes": "2", "saved": "0", "note": "", "turns": "0", "last": "", "automatic": "false"}
    statuses = ros.publisher(DiagnosticStatus, "recording/status", qos.LATCHED)
    statuses.publish(DiagnosticStatus(message="ready", values=key_values(values)))
    controls = ros.publisher(DiagnosticStatus, "control/status", qos.LATCHED)
    control = key_values({"in_control": "true", "holding": "false"})
    controls.publish(DiagnosticStatus(name="control", message="policy", values=control))
    ros.until(lambda: "0 of 2 saved: ready, r records the next | policy in control" in terminal.text, "the status")

    terminal.type(b"r")
    ros.until(lambda: "record: said" in terminal.text, "the answer")
    for _ in range(5):
        terminal.type(b"r")
        time.sleep(0.03)
    terminal.type(b"s")
    ros.until(lambda: "not done: stop: said" in terminal.text, "the refusal")
    terminal.type(b"t\x1b[A5")
    ros.until(lambda: "take_over True" in asked and len(keys) == 2, "the take-over and two keys")
    assert asked == ["record", "stop", "take_over True"], "a key that is held is one press"
    assert [message.data for message in keys] == ["up", "5"]
    terminal.type(b"y")
    ros.until(lambda: "there is no service recording_session/succeed" in terminal.text, "the missing service")

    terminal.type(b"\x1a")  # Ctrl-Z
    ros.until(lambda: "[shell] stopped" in terminal.text, "the stop")
    assert terminal.is_as_found
    terminal.type(b"\n")
    ros.until(lambda: not terminal.is_as_found, "the keys again")
    os.kill(terminal.program(), signal.SIGTERM)
    ros.until(lambda: "[shell] exit code 0" in terminal.text, "the end")
    assert terminal.is_as_found


def test_without_a_terminal_it_says_so():
    done = subprocess.run(
        [sys.executable, "-m", "so_arm.nodes.operator"],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.strip() == "operator: there is no terminal to read keys from (standard input is none)"
