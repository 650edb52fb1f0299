"""Launches a file with the real ROS 2 launch, on machines that have it."""

from __future__ import annotations

import copy
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from so_arm.launcher import packages
from so_arm.launcher.arguments import Argument, check_assignments
from so_arm.launcher.environment import ros_environment
from so_arm.launcher.last_words import LastWords, without_command

EXIT_INTERRUPTED = 130


def available() -> bool:
    """Whether ROS 2 launch with its XML front end can be imported."""
    return all(find_spec(name) is not None for name in ("launch", "launch_ros", "launch_xml"))


@contextmanager
def surroundings() -> Iterator[None]:
    """What the rest needs around it: ROS 2 launch takes the environment of this process for its own."""
    before = dict(os.environ)
    os.environ.update(ros_environment(before))
    try:
        with tempfile.TemporaryDirectory(prefix="so_arm_launch_") as folder:
            if not packages.in_ament_index(os.environ):
                overlay = Path(folder) / "prefix"
                packages.make_overlay(overlay)
                os.environ["AMENT_PREFIX_PATH"] = os.pathsep.join([str(overlay), os.environ["AMENT_PREFIX_PATH"]])
            yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def declared_arguments(file: Path) -> list[Argument]:
    """Arguments of any launch file that ROS 2 launch reads (XML, YAML, Python)."""
    from launch.launch_description_sources import get_launch_description_from_any_launch_file

    description = get_launch_description_from_any_launch_file(str(file))
    return [
        Argument(
            argument.name,
            None if argument.default_value is None else "".join(map(_as_written, argument.default_value)),
            argument.description,
            tuple(argument.choices or ()),
            argument._conditionally_included,
        )
        for argument in description.get_launch_arguments()
    ]


def launch(file: Path, given: dict[str, str], declared: list[Argument]) -> int:
    """Run `file` through launch's LaunchService; exit codes as those of our own runner."""
    check_assignments(given, declared, file)
    from launch import LaunchDescription, LaunchService  # type: ignore[attr-defined]  # not the folder launch/
    from launch.actions import IncludeLaunchDescription, RegisterEventHandler
    from launch.event_handlers import OnProcessExit, OnProcessIO, OnShutdown
    from launch.launch_description_sources import AnyLaunchDescriptionSource
    from launch.logging import launch_config

    codes: list[int] = []
    last_words = LastWords()

    def on_exit(event: Any, context: Any) -> None:
        if event.returncode and not context.is_shutdown:
            codes.append(128 - event.returncode if event.returncode < 0 else event.returncode)
            last_words.died(event.process_name, event.returncode)

    def on_stderr(event: Any) -> None:
        last_words.hear(event.process_name, event.text.decode(errors="replace"))

    def on_shutdown(event: Any, _: Any) -> None:
        if event.due_to_sigint:
            codes.insert(0, EXIT_INTERRUPTED)

    service = LaunchService(
        argv=[f"{name}:={value}" for name, value in given.items()], noninteractive=not sys.stdin.isatty()
    )
    service.include_launch_description(
        LaunchDescription(
            [
                RegisterEventHandler(OnProcessIO(on_stderr=on_stderr)),
                RegisterEventHandler(OnProcessExit(on_exit=on_exit)),
                RegisterEventHandler(OnShutdown(on_shutdown=on_shutdown)),
                IncludeLaunchDescription(AnyLaunchDescriptionSource(str(file)), launch_arguments=given.items()),
            ]
        )
    )
    launch_config.get_screen_handler().addFilter(_shortened)
    failed = service.run()
    if reason := last_words.reason():
        print(f"error: {reason}", file=sys.stderr)
    return codes[0] if codes else failed


def _shortened(record: logging.LogRecord) -> logging.LogRecord:
    """The record as the screen shows it; launch's log file keeps the whole."""
    shown = copy.copy(record)
    shown.msg = without_command(str(record.msg))
    return shown


def _as_written(part: Any) -> str:
    """Text of a default value, or the description of a substitution in it."""
    return getattr(part, "text", None) or part.describe().strip("'")
