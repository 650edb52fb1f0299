"""Launches a file with this package's own runner."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

from so_arm.launcher.arguments import check_assignments, declared_arguments
from so_arm.launcher.environment import ros_environment
from so_arm.launcher.output import Output
from so_arm.launcher.plan import make_plan
from so_arm.launcher.supervisor import Supervisor


def launch(file: Path, given: dict[str, str], environment: Mapping[str, str], output: Output | None = None) -> int:
    """Run the launch file `file` with the arguments `given` until it ends; returns an exit code.

    Everything in the file is checked and decided before the first process starts; what does not fit is a UserError.
    """
    full = ros_environment(environment)
    check_assignments(given, declared_arguments(file, full, given), file)
    with tempfile.TemporaryDirectory(prefix="so_arm_launch_") as scratch:
        plan = make_plan(file, given, full, Path(scratch))
        output = output or Output()
        code = Supervisor(plan, output, Path(scratch)).run()
    output.verdict()
    return code
