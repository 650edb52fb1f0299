"""A node beside the graph that may have the terminal: its keys, and its last line."""

from __future__ import annotations

import os
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from so_arm.core.errors import UserError
from so_arm.launcher.environment import ros_environment


def has_terminal() -> bool:
    """Whether there are keys to be had."""
    return os.isatty(0) and sys.stderr.isatty()


@contextmanager
def key_node(name: str, parameters: dict[str, str]) -> Iterator[Callable[[], None]]:
    """The node, in our own process group, so that the terminal's signals reach it too.

    Gives what raises UserError once that node has ended by itself.
    """
    before = termios.tcgetattr(0) if has_terminal() else None
    given = [word for key, value in parameters.items() for word in ("-p", f"{key}:={value}")]
    command = [sys.executable, "-m", f"so_arm.nodes.{name}", "--ros-args", *given]
    process = subprocess.Popen(command, env=ros_environment(os.environ))

    def check_alive() -> None:
        if process.poll() is not None:
            raise UserError(f"{name}, which reads the keys, has ended (exit code {process.returncode})")

    try:
        yield check_alive
    finally:
        process.terminate()
        try:
            process.wait(5.0)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if before is not None:
            with suppress(termios.error, OSError):  # were it killed, it could not do that itself
                termios.tcsetattr(0, termios.TCSADRAIN, before)
