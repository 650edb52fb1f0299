"""The launch files of this package, for every hardware type."""

from __future__ import annotations

import itertools
import os
from pathlib import Path

import pytest
import yaml

from so_arm.core.errors import UserError
from so_arm.core.paths import share_dir
from so_arm.launcher.environment import ros_environment
from so_arm.launcher.plan import make_plan

POLICY = ["act_policy", "residual_corrector", "command_mux"]
DRIVEN = ["motor_driver", "camera", "camera"]


def nodes(tmp_path: Path, file: str = "so_arm.launch.xml", **arguments: str) -> dict[str, dict]:
    """Parameters of every node, by the node's name."""
    plan = make_plan(share_dir() / "launch" / file, arguments, ros_environment(os.environ), tmp_path)
    return {_name(process.command): _parameters(process.command) for process in plan.processes}


def _name(command: list[str]) -> str:
    return next(word.removeprefix("__node:=") for word in command if word.startswith("__node:="))


def _parameters(command: list[str]) -> dict:
    name, found = _name(command), {}
    for flag, file in itertools.pairwise(command):
        if flag == "--params-file":
            for node, content in yaml.safe_load(Path(file).read_text()).items():
                if node.rsplit("/", 1)[-1] in (name, "**"):
                    found |= content["ros__parameters"]
    return found


def test_mujoco_is_the_default_and_waits(tmp_path: Path):
    graph = nodes(tmp_path)
    assert set(graph) == {"mujoco_bridge", "reward_estimator", *POLICY}
    assert graph["mujoco_bridge"]["lockstep"] is True and graph["act_policy"]["lockstep"] is True


def test_emulated_needs_no_other_argument(tmp_path: Path):
    graph = nodes(tmp_path, hardware_type="emulated")
    assert set(graph) == {
        *("arm_emulator", "reward_estimator", "motor_driver", "static_camera", "wrist_camera"),
        *POLICY,
    }
    emulator, driver = graph["arm_emulator"], graph["motor_driver"]
    assert emulator["port"] == driver["port"] and emulator["port"].startswith("/tmp/")
    assert emulator["calibration_file"] == driver["calibration_file"]
    assert Path(driver["calibration_file"]).is_file()
    assert graph["wrist_camera"]["source"] == f"http://127.0.0.1:{emulator['streams_port']}/wrist.mjpg"
    assert graph["wrist_camera"]["camera_name"] == "wrist"
    assert graph["act_policy"]["lockstep"] is False and emulator["lockstep"] is False


def test_real_with_a_leader(tmp_path: Path):
    graph = nodes(tmp_path, hardware_type="real", usb_port="/dev/a", leader_usb_port="/dev/b", robot_id="me")
    assert set(graph) == {
        *("episode_manager", "motor_driver", "leader_driver", "static_camera", "wrist_camera"),
        *POLICY,
    }
    assert (graph["motor_driver"]["port"], graph["motor_driver"]["robot_id"]) == ("/dev/a", "me")
    assert (graph["leader_driver"]["port"], graph["leader_driver"]["role"]) == ("/dev/b", "leader")
    assert graph["static_camera"]["source"] == "/dev/video0"


def test_without_a_policy_teleoperation_commands_the_arm(tmp_path: Path):
    graph = nodes(tmp_path, policy="false")
    assert set(graph) == {"mujoco_bridge", "reward_estimator", "command_mux"}
    assert graph["command_mux"]["source"] == "teleop"
    assert nodes(tmp_path)["command_mux"]["source"] == "policy"


def test_without_cameras(tmp_path: Path):
    graph = nodes(tmp_path, "episodes.launch.xml", hardware_type="emulated", use_cameras="false")
    assert not any("camera" in name for name in graph)
    assert graph["episode_runner"]["cameras"] == ""


@pytest.mark.parametrize("hardware", ["mujoco", "emulated", "real"])
@pytest.mark.parametrize("teleop", ["leader", "keyboard", "expert"])
def test_recording_with_every_hand_on_every_arm(tmp_path: Path, hardware: str, teleop: str):
    given = {"hardware_type": hardware, "teleop": teleop, "policy": "false", "output": "/data"}
    if hardware == "real":
        given |= {"robot_id": "me", "leader_usb_port": "/dev/b"}
    graph = nodes(tmp_path, "record.launch.xml", **given)
    assert {"recorder", "recording_session", "teleop", "command_mux"} < set(graph)
    emulated_leader = (hardware, teleop) == ("emulated", "leader")
    assert ("leader_emulator" in graph) is emulated_leader
    assert ("leader_driver" in graph) is (emulated_leader or hardware == "real")
    assert (graph["teleop"]["source"], graph["command_mux"]["source"]) == (teleop, "teleop")
    assert graph["recorder"]["reward"] is (hardware != "real")
    assert graph["recorder"]["cameras"] == "static wrist"
    if emulated_leader:
        leader, follower = graph["leader_driver"], graph["motor_driver"]
        assert leader["port"] == graph["leader_emulator"]["port"] != follower["port"]
        assert leader["calibration_file"] != follower["calibration_file"]
    if hardware == "mujoco":
        waits = teleop == "expert"  # a person does not wait, so the simulation does not
        assert graph["mujoco_bridge"]["lockstep"] is waits is graph["teleop"]["lockstep"]


def test_recording_without_cameras_records_none(tmp_path: Path):
    graph = nodes(tmp_path, "record.launch.xml", output="/data", use_cameras="false")
    assert graph["recorder"]["cameras"] == graph["recording_session"]["cameras"] == ""


@pytest.mark.parametrize(
    ("hardware", "bridge", "driver", "cameras"),
    [
        ("mujoco", "mujoco_bridge", "", ""),
        ("emulated", "arm_emulator", "motor_driver", "static wrist"),
        ("real", "episode_manager", "motor_driver", "static wrist"),
    ],
)
def test_the_runner_knows_who_runs_episodes(tmp_path: Path, hardware: str, bridge: str, driver: str, cameras: str):
    runner = nodes(tmp_path, "episodes.launch.xml", hardware_type=hardware)["episode_runner"]
    assert (runner["bridge"], runner["driver"], runner["cameras"]) == (bridge, driver, cameras)


def test_another_hardware_type_is_refused(tmp_path: Path):
    with pytest.raises(UserError, match="unknown value of the launch argument hardware_type 'reel'"):
        nodes(tmp_path, hardware_type="reel")


@pytest.mark.parametrize("hardware", ["emulated", "real"])
def test_lockstep_is_for_the_simulation_only_and_refused_before_anything_starts(tmp_path: Path, hardware: str):
    with pytest.raises(UserError, match=rf"{hardware}\.launch\.xml.* argument lockstep 'true'; choose one of: "):
        nodes(tmp_path, hardware_type=hardware, lockstep="true")
    assert nodes(tmp_path, hardware_type=hardware, lockstep="False")["act_policy"]["lockstep"] is False


@pytest.mark.parametrize("argument", ["cameras_config_file", "parameter_file"])
def test_a_broken_parameter_file_is_named_before_anything_starts(tmp_path: Path, argument: str):
    file = tmp_path / "mine.yaml"
    file.write_text("/**/static_camera:\n  ros__parameters:\n    source: [1\n    width: 3\n")
    with pytest.raises(UserError, match=r"mine\.yaml: line \d: not valid YAML: "):
        nodes(tmp_path, hardware_type="real", robot_id="me", **{argument: str(file)})
    file.write_text("source=/dev/video0\n")
    with pytest.raises(UserError, match=r"mine\.yaml: no parameter file"):
        nodes(tmp_path, hardware_type="real", robot_id="me", **{argument: str(file)})
