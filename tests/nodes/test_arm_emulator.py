"""arm_emulator over ROS: a bus to talk to, episodes, privileged state, faults."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from so_arm.core.errors import UserError

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.alone]

NO_CAMERAS = ["-p", "use_cameras:=false"]


def _info(messages):
    from so_arm.core.episode_info import EpisodeInfo
    from so_arm.nodes.messages import texts_of

    return EpisodeInfo.from_text(texts_of(messages[-1])) if messages else EpisodeInfo()


def _drive_home(emulator) -> None:
    """As a driver would, only all at once."""
    from so_arm.core.calibration_formats import read_calibration
    from so_arm.core.paths import share_dir
    from so_arm.core.ticks import TickScale
    from so_arm.hardware.feetech import registers as reg
    from so_arm.hardware.feetech.bus import FeetechBus
    from so_arm.sim.start import HOME_RAD

    scale = TickScale(read_calibration(share_dir() / "calibration" / "example_follower.json"))
    with FeetechBus(str(emulator.path), margin_s=0.4) as bus:
        bus.enable_torque()
        bus.write_goals(dict(zip(bus.ids, scale.ticks_from_rad(HOME_RAD).tolist(), strict=True)))
        deadline = time.monotonic() + 30.0
        away = np.inf
        while away > 0.12:
            assert time.monotonic() < deadline
            time.sleep(0.05)
            ticks = [bus.read(servo_id, reg.PRESENT_POSITION) for servo_id in bus.ids]
            away = np.abs(scale.rad_from_ticks(ticks) - HOME_RAD).max()


@pytest.mark.parametrize("ros", [[*NO_CAMERAS, "-p", "seed:=11", "-p", "horizon:=20"]], indirect=True)
def test_an_episode_from_start_to_end(ros, tmp_path: Path):
    from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
    from std_srvs.srv import Trigger

    from so_arm.nodes import qos
    from so_arm.nodes.arm_emulator import ArmEmulator

    node = ros.start(ArmEmulator)
    episodes = ros.listen(DiagnosticStatus, "episode/info", qos.LATCHED)
    states = ros.listen(DiagnosticArray, "sim/state", qos.RECORDER)
    refused = ros.call(Trigger, "arm_emulator/start", Trigger.Request())
    assert not refused.success and "drive the arm home first" in refused.message
    _drive_home(node._emulator)
    started = ros.call(Trigger, "arm_emulator/start", Trigger.Request())
    assert started.success, started.message
    ros.until(lambda: _info(episodes).phase == "ended", "the end")
    info = _info(episodes)
    assert (info.seed, info.steps, info.outcome, info.failure) == (11, 20, "failure", "no_approach")
    ros.until(lambda: len(states) == 21, "the state before the first tick and after each")


@pytest.mark.parametrize("ros", [NO_CAMERAS], indirect=True)
def test_faults_by_parameter(ros):
    from rclpy.parameter import Parameter

    from so_arm.nodes.arm_emulator import ArmEmulator

    node = ros.start(ArmEmulator)

    def inject(line: str):
        return node.set_parameters([Parameter("inject", value=line)])[0]

    for _ in range(2):  # the same value again is another order
        assert inject("silent servo=3").successful
        assert not node._emulator.servos[2].connected
        assert inject("clear").successful
        assert node._emulator.servos[2].connected
    assert "Did you mean 'silent'" in inject("sillent").reason
    assert "there are no cameras" in inject("stall camera=static").reason


@pytest.mark.parametrize("ros", [["-p", "lockstep:=true"]], indirect=True)
def test_no_lockstep(ros):
    from so_arm.nodes.arm_emulator import ArmEmulator

    with pytest.raises(UserError, match="work in real time; use hardware_type:=mujoco"):
        ros.start(ArmEmulator)
