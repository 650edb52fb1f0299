"""operator on a real terminal of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest
from tests.terminals import Terminal

pytestmark = pytest.mark.ros


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


#: The operator, interrupted in the middle of a callback, which is where Ctrl-C may come.
INTERRUPTED = """
import os, signal
from so_arm.core.terminal import KeyTerminal
from so_arm.nodes import operator
typed = KeyTerminal.keys

def keys(terminal):
    found = typed(terminal)
    if found == b"x":
        os.kill(os.getpid(), signal.SIGINT)
    return found

KeyTerminal.keys = keys
operator.main()
"""


def test_ctrl_c_ends_it_without_a_word(ros):
    terminal = Terminal("-c", INTERRUPTED)
    try:
        ros.until(lambda: "waiting for recording_session" in terminal.text, "the line")
        terminal.type(b"x")
        ros.until(lambda: "[shell] exit code 0" in terminal.text or "[shell] stopped" in terminal.text, "the end")
        assert terminal.is_as_found
        assert "Exception" not in terminal.text and "Traceback" not in terminal.text
    finally:
        terminal.close()


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
