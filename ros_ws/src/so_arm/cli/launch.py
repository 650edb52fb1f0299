"""``so-arm launch``: run a ROS 2 launch file, with or without ros2 launch on the machine."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from so_arm.core.errors import UserError

if TYPE_CHECKING:
    from so_arm.launcher.arguments import Argument


class Runner(StrEnum):
    auto = "auto"
    builtin = "builtin"
    ros2 = "ros2"


def register(app: typer.Typer) -> None:
    app.command("launch")(launch)


def launch(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A launch file, or the name of one in launch/.")],
    assignments: Annotated[
        list[str] | None, typer.Argument(metavar="NAME:=VALUE", help="Arguments of the launch file.")
    ] = None,
    show_args: Annotated[
        bool, typer.Option("--show-args", "-s", help="List the arguments of the file and exit.")
    ] = False,
    runner: Annotated[
        Runner, typer.Option(help="ros2: the real ROS 2 launch; builtin: our own for XML; auto: ros2 where it exists.")
    ] = Runner.auto,
) -> None:
    """Run a ROS 2 launch file: `so-arm launch so_arm.launch.xml seed:=7`.

    Ends all its processes with Ctrl-C (a second one is less patient). The exit code is that of the first process that
    failed by itself.
    """
    from so_arm.launcher import arguments, handover, run
    from so_arm.launcher.environment import ros_environment

    path = arguments.find_launch_file(file)
    given = arguments.parse_assignments(assignments or [])
    if _choose(runner, handover.available()):
        with handover.surroundings():
            declared = handover.declared_arguments(path)
            code = _show(path, declared) if show_args else handover.launch(path, given, declared)
    elif show_args:
        code = _show(path, arguments.declared_arguments(path, ros_environment(os.environ), given))
    else:
        code = run.launch(path, given, os.environ)
    raise typer.Exit(code)


def _choose(runner: Runner, available: bool) -> bool:
    """Whether the real ROS 2 launch is to be used."""
    if runner is Runner.ros2 and not available:
        raise UserError("--runner ros2: the Python packages launch, launch_ros and launch_xml of ROS 2 are not here")
    return available if runner is Runner.auto else runner is Runner.ros2


def _show(file: Path, declared: list[Argument]) -> int:
    """Print the arguments of a launch file; returns the exit code."""
    typer.echo(f"Arguments of {file.name} (give them as NAME:=VALUE):")
    for argument in declared:
        default = "needs a value" if argument.default is None else f"default: '{argument.default}'"
        typer.echo(f"\n  {argument.name}  ({default}){'*' if argument.conditional else ''}")
        if argument.description:
            typer.echo(f"      {argument.description}")
        if argument.choices:
            typer.echo(f"      one of: {', '.join(argument.choices)}")
    if not declared:
        typer.echo("  none")
    if any(argument.conditional for argument in declared):
        typer.echo("\n* only used if a condition in the file holds")
    return 0
