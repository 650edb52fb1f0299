"""The player in front of an arm that is wherever it was told to be."""

from __future__ import annotations

import array
import contextlib
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from sensor_msgs.msg import JointState
from tests.data.episodes import write_dataset
from tests.nodes.conftest import Ros

from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES
from so_arm.core.units import old_lerobot_from_rad
from so_arm.nodes import qos
from so_arm.nodes.action_player import ActionPlayer
from so_arm.nodes.messages import set_stamp, stamp_ns

pytestmark = pytest.mark.ros
ACTION = np.linspace([0.0, -1.0, 0.6, 0.4, -0.5, 0.2], [0.4, -0.6, 0.2, 0.8, 0.5, 0.9], 15)
START = ACTION[0] + 0.1


class PerfectArm:
    """Publishes joint states at 100 Hz and is where the newest command says; `reach`: how far it gets at most [rad]."""

    def __init__(self, ros: Ros, reach: float = 9.0) -> None:
        self._position, self._reach = START.copy(), reach
        self.talking = True
        self.commands: list[tuple[float, np.ndarray, int]] = []
        self._states = ros.probe.create_publisher(JointState, "follower/joint_states", qos.STATE)
        ros.probe.create_subscription(JointState, "teleop/command", self._on_command, qos.CONTROL)
        # Stands for the driver that listens to the mux.
        ros.probe.create_subscription(JointState, "follower/joint_commands", lambda _: None, qos.CONTROL)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._talk, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._ended.set()
        self._thread.join()

    def _on_command(self, message: JointState) -> None:
        position = np.array(message.position)
        self.commands.append((time.monotonic(), position, stamp_ns(message.header.stamp)))
        self._position = np.clip(position, START - self._reach, START + self._reach)

    def _talk(self) -> None:
        while not self._ended.wait(0.01):
            if self.talking:
                message = JointState(name=list(JOINT_NAMES), position=array.array("d", self._position))
                set_stamp(message.header.stamp, time.time_ns())
                with contextlib.suppress(Exception):  # ROS ends before this does
                    self._states.publish(message)


@contextlib.contextmanager
def playing(tmp_path: Path, reach: float = 9.0) -> Iterator[tuple[PerfectArm, ActionPlayer]]:
    root = write_dataset(tmp_path / "set", [(old_lerobot_from_rad(ACTION), old_lerobot_from_rad(ACTION))])
    parameters = {"dataset": root, "results_file": tmp_path / "results.json", "rest": 0.3}
    ros = Ros([word for name, value in parameters.items() for word in ("-p", f"{name}:={value}")])
    arm = PerfectArm(ros, reach)
    try:
        yield arm, ros.start(ActionPlayer)
    finally:
        arm.close()
        ros.close()


def test_it_goes_slowly_to_the_first_command_and_plays_all_at_their_times(tmp_path):
    with playing(tmp_path) as (arm, player):
        Ros.until((tmp_path / "results.json").is_file, "the results")
        assert player.failure is None
    positions = np.array([position for _, position, _ in arm.commands])
    assert np.allclose(positions[0], START)
    played = len(ACTION)
    assert np.allclose(positions[-played:], ACTION, atol=1e-5)
    assert np.abs(np.diff(positions[:-played], axis=0)).max() <= 0.5 / 30 + 1e-6
    took_s = arm.commands[-1][0] - arm.commands[-played][0]
    assert took_s == pytest.approx((played - 1) / 30, abs=0.2)
    ages_s = [time.time() - stamp / 1e9 for _, _, stamp in arm.commands]
    assert max(ages_s) < 60, "commands answer states"
    results = json.loads((tmp_path / "results.json").read_text())
    assert np.allclose(results["time_s"], np.arange(played) / 30)
    # A perfect arm is where it was told to be, a little later.
    assert np.abs(np.array(results["measured_rad"]) - ACTION).max() < 0.2


def test_an_arm_that_falls_silent_ends_it(tmp_path, monkeypatch):
    monkeypatch.setattr("so_arm.nodes.action_player._SILENCE_S", 0.2)
    with playing(tmp_path) as (arm, player):
        Ros.until(lambda: len(arm.commands) > 3, "commands")
        arm.talking = False
        Ros.until(lambda: player.failure is not None, "the end")
    assert isinstance(player.failure, UserError)
    assert "no joint states" in str(player.failure)


def test_an_arm_that_does_not_get_there_is_not_played_to(tmp_path, monkeypatch):
    monkeypatch.setattr("so_arm.nodes.action_player._NEAR_RAD", 0.05)
    monkeypatch.setattr("so_arm.nodes.action_player._ARRIVAL_S", 0.3)
    with playing(tmp_path, reach=0.01) as (_, player):
        Ros.until(lambda: player.failure is not None, "the refusal")
    assert isinstance(player.failure, UserError)
    assert "does not get to the first command" in str(player.failure)
    assert not (tmp_path / "results.json").exists()


@pytest.mark.parametrize("ros", [["-p", "dataset:=/nowhere"]], indirect=True)
def test_a_dataset_that_is_not_there(ros):
    with pytest.raises(UserError, match=r"meta/info.json"):
        ros.start(ActionPlayer)


def test_earlier_results_are_never_written_over(tmp_path):
    (tmp_path / "results.json").write_text("{}")
    with pytest.raises(UserError, match=r"results\.json holds results already"), playing(tmp_path):
        pass
    assert (tmp_path / "results.json").read_text() == "{}"
