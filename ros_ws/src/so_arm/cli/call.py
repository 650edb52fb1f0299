"""``so-arm call``: have a running node do something, with or without the ros2 command on the machine."""

from __future__ import annotations

import os
import subprocess
import sys
from enum import StrEnum
from typing import Annotated

import typer

from so_arm.core.errors import UserError


class Switch(StrEnum):
    true = "true"
    false = "false"


def register(app: typer.Typer) -> None:
    app.command("call")(call)


def call(
    service: Annotated[
        str | None, typer.Argument(metavar="SERVICE", help="E.g. motor_driver/home; without it they are listed.")
    ] = None,
    value: Annotated[Switch | None, typer.Argument(metavar="true|false", help="For services that switch.")] = None,
) -> None:
    """Call a service of a running launch: `so-arm call motor_driver/estop true`.

    Exit code 0: done; 1: the node refused and said why; 2: there is no such service.
    """
    from importlib.util import find_spec

    from so_arm.launcher.environment import ros_environment

    if find_spec("rclpy") is None:
        raise UserError("ROS 2 (rclpy) is not in this Python; ./run.sh call does it with that of .venv")
    words = [word for word in (service, value and value.value) if word]
    command = [sys.executable, "-m", "so_arm.nodes.call_service", *words]
    raise typer.Exit(subprocess.run(command, env=ros_environment(os.environ), check=False).returncode)
