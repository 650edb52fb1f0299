"""Short launch files for the tests of the launcher."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from so_arm.launcher.plan import make_plan
from so_arm.launcher.process import Plan


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """``write(body, name)``: a launch file with the tags `body`, which begin on line 2."""

    def write(body: str, name: str = "test.launch.xml") -> Path:
        file = tmp_path / name
        file.write_text(f"<launch>\n{body}\n</launch>\n")
        return file

    return write


@pytest.fixture
def plan(write, tmp_path: Path) -> Callable[..., Plan]:
    """``plan(body, **variables)``: what a launch file with `body` asks for."""
    return lambda body, **variables: make_plan(write(body), variables, dict(os.environ), tmp_path)


@pytest.fixture
def command(plan) -> Callable[..., list[str]]:
    """``command(body, **variables)``: the command of the only process in `body`."""

    def command(body: str, **variables: str) -> list[str]:
        (process,) = plan(body, **variables).processes
        return process.command

    return command
