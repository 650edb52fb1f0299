"""Handing over to the real ROS 2 launch, as far as it can be tested without it."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pathlib import Path

import pytest

from so_arm.cli.launch import Runner, _choose
from so_arm.core.errors import UserError
from so_arm.launcher import handover, packages

WITHOUT_ROS = pytest.mark.skipif(find_spec("launch_ros") is not None, reason="ROS 2 launch is installed here")


@WITHOUT_ROS
def test_the_folder_launch_is_not_taken_for_the_package():
    assert not handover.available()


def test_choice_of_the_runner():
    assert _choose(Runner.auto, available=True) and not _choose(Runner.auto, available=False)
    assert _choose(Runner.ros2, available=True) and not _choose(Runner.builtin, available=True)
    with pytest.raises(UserError, match=r"--runner ros2: .* launch_ros"):
        _choose(Runner.ros2, available=False)


def test_real_launch_finds_this_package_and_the_environment_is_given_back(monkeypatch):
    monkeypatch.setenv("AMENT_PREFIX_PATH", "")
    before = dict(os.environ)
    with handover.surroundings():
        assert packages.in_ament_index(os.environ)
        (prefix, *_) = os.environ["AMENT_PREFIX_PATH"].split(os.pathsep)
        assert os.access(f"{prefix}/lib/so_arm/mujoco_bridge", os.X_OK)
    assert dict(os.environ) == before
    assert not Path(prefix).exists()
