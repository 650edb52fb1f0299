"""A bag node in a process of its own, which tells each second how far it is."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Callable, Mapping
from typing import Any

from so_arm.core.errors import UserError
from so_arm.core.interrupt import uninterrupted

#: A node that was asked to end gets so long to write what it holds [s].
_PATIENCE_S = 60.0


def run_bag_node(
    name: str, parameters: Mapping[str, object], on_report: Callable[[dict[str, Any]], None], if_killed: str = ""
) -> int:
    """Run the node `name` until it ends, or until Ctrl-C, which ends it properly; returns its exit code.

    A node that was killed cannot say so: that is a UserError, which ends with `if_killed`.
    """
    from importlib.util import find_spec

    from so_arm.launcher.environment import ros_environment
    from so_arm.launcher.packages import command

    if find_spec("rclpy") is None:
        raise UserError("ROS 2 (rclpy) is not in this Python; ./run.sh bag does it with that of .venv")
    environment = ros_environment(os.environ)
    given = {**parameters, "report": True}
    words = [word for key, value in given.items() for word in ("-p", f"{key}:={json.dumps(value)}")]
    with uninterrupted():
        # In a session of its own: Ctrl-C reaches it once, from here.
        process = subprocess.Popen(
            [*command("so_arm", name, environment), "--ros-args", *words],
            env=environment,
            stdout=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
    try:
        _follow(process, on_report)
    except KeyboardInterrupt:
        # Impatience loses nothing: a second Ctrl-C changes nothing while the node writes what it holds.
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            process.send_signal(signal.SIGINT)
            _follow(process, on_report)
        finally:
            signal.signal(signal.SIGINT, before)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
        try:
            code = process.wait(_PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
    if code < 0:
        raise UserError(f"{name} was killed (signal {-code}){if_killed}")
    return code


def _follow(process: subprocess.Popen[str], on_report: Callable[[dict[str, Any]], None]) -> None:
    """Pass on what the node reports until it is silent for ever."""
    assert process.stdout is not None
    for line in process.stdout:
        try:
            report = json.loads(line)
        except ValueError:
            continue
        on_report(report)
