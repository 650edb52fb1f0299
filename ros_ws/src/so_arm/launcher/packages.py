"""Where a ROS package keeps its files and programs, through AMENT_PREFIX_PATH; so_arm itself also in a checkout."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path

from so_arm.core.errors import choice_error
from so_arm.core.paths import share_dir

OWN = "so_arm"
MARKERS = Path("share/ament_index/resource_index/packages")


def share(package: str, environment: Mapping[str, str]) -> Path:
    """Share folder of `package`."""
    if package == OWN:
        return share_dir()
    return _prefix(package, environment) / "share" / package


def command(package: str, program: str, environment: Mapping[str, str]) -> list[str]:
    """Command that starts `program` of `package`."""
    if package == OWN:
        return _own_command(program)
    folder = _prefix(package, environment) / "lib" / package
    path = folder / program
    if not os.access(path, os.X_OK) or not path.is_file():
        found = [entry.name for entry in folder.iterdir()] if folder.is_dir() else []
        raise ValueError(str(choice_error(f"executable of package {package}", program, found)))
    return [str(path)]


def node_names() -> list[str]:
    """Executables of so_arm: the modules of its nodes room with a main function."""
    folder = Path(__file__).resolve().parents[1] / "nodes"
    return sorted(path.stem for path in folder.glob("*.py") if "\ndef main(" in path.read_text(encoding="utf-8"))


def make_overlay(folder: Path) -> None:
    """Make `folder` an ament prefix with so_arm in it, as a colcon build would, for one that pip installed in place."""
    (folder / MARKERS).mkdir(parents=True)
    (folder / MARKERS / OWN).touch()
    (folder / "share" / OWN).symlink_to(share_dir(), target_is_directory=True)
    programs = folder / "lib" / OWN
    programs.mkdir(parents=True)
    for name in node_names():
        script = programs / name
        script.write_text(f'#!/bin/sh\nexec {shlex.join(_own_command(name))} "$@"\n', encoding="utf-8")
        script.chmod(0o755)


def in_ament_index(environment: Mapping[str, str]) -> bool:
    """Whether the real ROS 2 tools would find so_arm."""
    prefixes = environment.get("AMENT_PREFIX_PATH", "").split(os.pathsep)
    return any((Path(prefix) / MARKERS / OWN).is_file() for prefix in prefixes if prefix)


def _own_command(program: str) -> list[str]:
    """A node of this package: its console script beside this Python, else its module."""
    script = Path(sys.prefix) / "bin" / program
    if script.is_file() and os.access(script, os.X_OK):
        return [str(script)]
    if program.isidentifier() and find_spec(f"so_arm.nodes.{program}") is not None:
        return [sys.executable, "-m", f"so_arm.nodes.{program}"]
    raise ValueError(str(choice_error(f"executable of package {OWN}", program, node_names())))


def _prefix(package: str, environment: Mapping[str, str]) -> Path:
    prefixes = list(_prefixes(environment))
    for prefix in prefixes:
        if (prefix / MARKERS / package).is_file():
            return prefix
    names = {path.name for prefix in prefixes if (prefix / MARKERS).is_dir() for path in (prefix / MARKERS).iterdir()}
    raise ValueError(str(choice_error("ROS package", package, names | {OWN})))


def _prefixes(environment: Mapping[str, str]) -> Iterator[Path]:
    for prefix in [*environment.get("AMENT_PREFIX_PATH", "").split(os.pathsep), sys.prefix]:
        if prefix:
            yield Path(prefix)
