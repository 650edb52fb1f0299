"""What a user can get wrong: one line that names it, exit code 2. Ctrl-C: exit code 0, nothing left."""

import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.altered_policy import policy_of_another_rate, policy_with_another_camera
from tests.nodes.processes import PATIENCE_S, NodeProcess, ros_env

pytestmark = pytest.mark.ros


@pytest.mark.parametrize(
    ("name", "parameters", "message"),
    [
        ("command_mux", {"source": "polcy"}, "choose one of: hold, policy, teleop. Did you mean 'policy'?"),
        ("command_mux", {"handover_velocity": 99.0}, "handover_velocity is 99.0, expected a number from 0.01 to 5.0"),
        ("residual_corrector", {"bonud": 0.1}, "unknown parameter 'bonud'; choose one of: "),
        ("residual_corrector", {"residual_path": "/nowhere"}, "residual /nowhere does not exist"),
        ("reward_estimator", {"reward": "v9"}, "unknown reward 'v9'; choose one of: "),
        ("mujoco_bridge", {"task": "pick"}, "choose one of: pick_place, reach"),
        ("mujoco_bridge", {"reward": "v9"}, "unknown reward 'v9'; choose one of: "),
        ("mujoco_bridge", {"view": True}, "the viewer needs a display: neither DISPLAY nor WAYLAND_DISPLAY is set"),
        ("act_policy", {}, "parameter policy_path is empty; give a LeRobot policy directory"),
        ("camera", {"source": "/dev/video99"}, "camera source /dev/video99 does not exist; devices here: "),
        ("teleop", {"source": "ledaer"}, "choose one of: expert, gamepad, keyboard, leader. Did you mean 'leader'?"),
        ("teleop", {"source": "expert", "task": "stack"}, "unknown task 'stack'; choose one of: pick_place, reach."),
        (
            "teleop",
            {"source": "gamepad", "device": "/dev/input/event99"},
            "event99 does not exist; input devices here: ",
        ),
        ("episode_runner", {"patience": 1.0}, "nothing publishes /policy/action_chunk; is act_policy running?"),
    ],
)
def test_one_line_and_exit_code_2(
    name: str, parameters: dict[str, object], message: str, tmp_path: Path, ros_domain: int
) -> None:
    node = NodeProcess(name, ros_domain, tmp_path, **parameters)
    assert node.wait() == 2, node.output
    lines = [line for line in node.output.splitlines() if not line.startswith("[")]
    assert len(lines) == 1 and message in lines[0] and lines[0].startswith(f"{name}: "), node.output


@pytest.mark.torch
@pytest.mark.parametrize(
    ("make", "message"),
    [
        (policy_of_another_rate, "acts at 50 Hz; the control rate is 30 Hz"),
        (policy_with_another_camera, "feature observation.images.front has no camera; cameras are static, wrist"),
    ],
)
def test_a_policy_that_does_not_fit(make, message: str, tmp_path: Path, ros_domain: int) -> None:
    node = NodeProcess("act_policy", ros_domain, tmp_path, policy_path=make(tmp_path / "policy"))
    assert node.wait() == 2, node.output
    last = node.output.splitlines()[-1]
    assert last.startswith("act_policy: policy ") and last.endswith(message), node.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["seed:=3"], "unknown argument 'seed:=3'; give parameters as --ros-args -p NAME:=VALUE"),
        (["--ros-args", "-p", "source"], "Couldn't parse parameter override rule: '-p source'"),
    ],
)
def test_bad_command_lines(arguments: list[str], message: str, ros_domain: int) -> None:
    command = [sys.executable, "-m", "so_arm.nodes.command_mux", *arguments]
    done = subprocess.run(
        command, env=ros_env(ros_domain), capture_output=True, text=True, check=False, timeout=PATIENCE_S
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert message in done.stderr.splitlines()[-1]


def test_ctrl_c_while_starting_and_while_running(tmp_path: Path, ros_domain: int) -> None:
    running = NodeProcess("mujoco_bridge", ros_domain, tmp_path, lockstep=False)
    starting = NodeProcess("residual_corrector", ros_domain, tmp_path)
    time.sleep(0.3)
    assert starting.interrupt() in (0, 130, -2), starting.output
    running.wait_for("ready")
    assert running.interrupt() == 0, running.output
    assert "Traceback" not in running.output
