"""The arrows between the rooms, the libraries each room may use, and the size of files."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "ros_ws" / "src" / "so_arm"
FILES = sorted(PACKAGE.rglob("*.py"))
MAX_LINES = 300


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


ROS = _words(
    "rclpy ament_index_python builtin_interfaces rcl_interfaces diagnostic_msgs geometry_msgs lifecycle_msgs "
    "rosgraph_msgs sensor_msgs std_msgs std_srvs trajectory_msgs visualization_msgs"
)


@dataclass(frozen=True)
class Room:
    """Rooms and third-party libraries that files of a room may import, anywhere in the file."""

    rooms: frozenset[str]
    libraries: frozenset[str]


def _room(rooms: str = "", libraries: str = "") -> Room:
    return Room(_words(rooms), _words(libraries))


ROOMS = {
    "core": _room("", "numpy"),
    "rewards": _room("core", ""),
    "hardware": _room("core", "numpy cv2 serial scservo_sdk yaml evdev"),
    "sim": _room("core rewards", "numpy mujoco mink gymnasium glfw"),
    "data": _room(
        "core", "numpy lerobot datasets pyarrow av cv2 rosbags mcap yaml h5py zstandard google_crc32c google"
    ),
    "learning": _room(
        "core rewards data",
        "numpy torch torchvision lerobot huggingface_hub safetensors stable_baselines3 gymnasium tensorboard wandb",
    ),
    "analysis": _room("core data", "numpy cv2 av matplotlib google rerun"),
    "launcher": _room("core", "yaml launch launch_ros launch_xml"),
    "nodes": Room(_words("core hardware sim rewards data learning analysis"), ROS | {"numpy", "cv2"}),
    "cli": _room("core hardware sim rewards data learning analysis launcher", "numpy typer rich torch matplotlib"),
}


def _imports(file: Path) -> Iterator[tuple[int, str]]:
    """(line, dotted name) of every import in `file`, those inside functions too."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: import by full name, not relatively"
            names = [alias.name for alias in node.names] if node.module == "so_arm" else [""]
            yield from ((node.lineno, f"{node.module}.{name}".rstrip(".")) for name in names)


def _fault(room: str, name: str) -> str | None:
    """What is wrong with importing `name` in `room`."""
    top, _, rest = name.partition(".")
    if top in sys.stdlib_module_names or top == "__future__":
        return None
    if top == "so_arm":
        target = rest.split(".")[0]
        if target in ROOMS[room].rooms | {room}:
            return None
        return f"{room} may not import {target or 'so_arm itself'}"
    return None if top in ROOMS[room].libraries else f"{room} may not use {top}"


def _of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0]


@pytest.mark.parametrize("room", sorted({_of(file) for file in FILES} - {"__init__.py"}))
def test_imports_follow_the_arrows(room: str):
    assert room in ROOMS, f"the room {room} has no row here"
    faults = [
        f"{file.relative_to(PACKAGE)}:{line}: {fault}"
        for file in FILES
        if _of(file) == room
        for line, name in _imports(file)
        if (fault := _fault(room, name))
    ]
    assert not faults, "\n".join(faults)


def test_package_itself_imports_nothing():
    assert list(_imports(PACKAGE / "__init__.py")) == []


def test_files_stay_small():
    long = {str(file.relative_to(PACKAGE)): size for file in FILES if (size := _lines(file)) > MAX_LINES}
    assert not long, f"more than {MAX_LINES} lines, split them by idea: {long}"


def _lines(file: Path) -> int:
    return len(file.read_text(encoding="utf-8").splitlines())


def test_no_file_of_odds_and_ends():
    vague = {"utils.py", "util.py", "common.py", "base.py", "helpers.py", "misc.py"}
    assert [str(file.relative_to(PACKAGE)) for file in FILES if file.name in vague] == []


@pytest.mark.parametrize(
    ("room", "name", "fault"),
    [
        ("core", "so_arm.sim.env", "core may not import sim"),
        ("sim", "so_arm.learning.act", "sim may not import learning"),
        ("learning", "so_arm.sim.env", "learning may not import sim"),
        ("cli", "so_arm.nodes.messages", "cli may not import nodes"),
        ("rewards", "numpy", "rewards may not use numpy"),
        ("core", "torch.nn", "core may not use torch"),
        ("core", "collections.abc", None),
        ("nodes", "so_arm.core.joints", None),
    ],
)
def test_the_rule_itself(room: str, name: str, fault: str | None):
    assert _fault(room, name) == fault


def test_package_xml_names_the_ros_packages_in_use():
    imported = {name.split(".")[0] for file in FILES for _, name in _imports(file)} & ROS
    declared = {tag.text for tag in ElementTree.parse(PACKAGE.parents[2] / "package.xml").iter("exec_depend")}
    assert imported - declared == set()
