"""The stand-in for a colcon build that lets the real ROS 2 launch find so_arm."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from so_arm.core.paths import share_dir
from so_arm.launcher import packages


def test_overlay_is_an_ament_prefix(tmp_path: Path, monkeypatch):
    monkeypatch.setattr(packages, "node_names", lambda: ["spaced"])
    monkeypatch.setattr(packages, "_own_command", lambda _: [sys.executable, "-c", "import sys; print(sys.argv[1:])"])
    prefix = tmp_path / "a prefix"
    assert not packages.in_ament_index({"AMENT_PREFIX_PATH": str(prefix)})
    packages.make_overlay(prefix)
    assert packages.in_ament_index({"AMENT_PREFIX_PATH": f"/no/such:{prefix}"})
    assert (prefix / "share" / "so_arm").resolve() == share_dir().resolve()
    done = subprocess.run([prefix / "lib/so_arm/spaced", "a b", "c"], capture_output=True, text=True, check=True)
    assert done.stdout == "['a b', 'c']\n"


def test_nodes_are_the_modules_with_a_main_function():
    names = packages.node_names()
    assert "mujoco_bridge" in names and "command_mux" in names
    assert "__init__" not in names and "messages" not in names
