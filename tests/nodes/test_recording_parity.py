"""One run, recorded as a dataset and as a bag at the same time: the bag becomes the same dataset."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.nodes.conftest import Ros
from tests.nodes.processes import FAKE_POLICY, NodeProcess

from so_arm.cli.main import main
from so_arm.data.conversion.bag_recording import BagRecording
from so_arm.data.recordings.dataset_recording import DatasetRecording
from so_arm.data.recordings.recording import Recording

pytestmark = [pytest.mark.ros, pytest.mark.gl, pytest.mark.torch, pytest.mark.slow]
HORIZON, EPISODES = 40, 2
#: Topics of a recording and how many listen to them, the two recorders included, before the first episode.
LISTENERS = {
    "/episode/info": 6,
    "/follower/joint_states": 5,
    "/follower/joint_commands": 3,
    "/static_camera/image_raw": 3,
    "/wrist_camera/image_raw": 3,
    "/reward/terms": 2,
    "/sim/state": 2,
}


@pytest.fixture
def recorded(tmp_path: Path, ros_domain: int, ros: Ros) -> Iterator[Path]:
    """A folder with `set`, recorded live, and `bag`."""
    nodes: list[NodeProcess] = []

    def start(name: str, **parameters: object) -> NodeProcess:
        nodes.append(NodeProcess(name, ros_domain, tmp_path, **parameters))
        return nodes[-1]

    try:
        start("mujoco_bridge", task="reach", horizon=HORIZON)
        start("residual_corrector")
        start("command_mux")
        start("reward_estimator")
        start("act_policy", script=FAKE_POLICY, policy_path="fake")
        recorder = start("recorder", output=tmp_path / "set", reward=True, instruction="Reach the target point.")
        bag_recorder = start("bag_recorder", output=tmp_path / "bag", topics=list(LISTENERS))
        for node in (recorder, bag_recorder):
            node.wait_for("ready")
        for topic, count in LISTENERS.items():
            ros.until(lambda t=topic, n=count: ros.probe.count_subscribers(t) >= n, f"{count} listeners of {topic}")
        runner = start("episode_runner", episodes=EPISODES)
        assert runner.wait() == 0, runner.output
        ros.until(lambda: recorder.output.count("rows") >= EPISODES, f"{EPISODES} episodes on disk: {recorder.output}")
        for node in (recorder, bag_recorder):
            assert node.interrupt() == 0, node.output
        yield tmp_path
    finally:
        for node in nodes:
            node.kill()


def columns(recording: Recording) -> dict[str, list[list[float]]]:
    """Name -> what each episode has in it."""
    episodes = [recording.episode(index) for index in range(len(recording))]
    names = ("state", "action", "reward", "intervention", "success")
    return {name: [np.asarray(getattr(frames, name)).tolist() for frames in episodes] for name in names}


def test_the_bag_becomes_the_dataset_that_was_recorded(recorded: Path) -> None:
    assert main(["bag", "to-dataset", str(recorded / "bag"), "-o", str(recorded / "converted")]) == 0
    live, converted = DatasetRecording(recorded / "set"), DatasetRecording(recorded / "converted")
    assert [len(live.episode(index)) for index in range(len(live))] == [HORIZON] * EPISODES
    assert columns(converted) == columns(live)
    for index in range(EPISODES):
        ours, theirs = live.episode(index), converted.episode(index)
        assert ours.task == theirs.task == "Reach the target point."
        for tick in range(HORIZON):
            seen = theirs.images(tick)
            for camera, image in ours.images(tick).items():
                assert np.array_equal(image, seen[camera]), (index, tick, camera)

    frames = BagRecording(recorded / "bag", 30).episode(0)
    assert (frames.latency_ms >= 0).all() and frames.latency_ms.max() > 0, "the bag tells how long answers took"
    assert [texts["tick"] for texts in frames.sim_states] == [str(tick + 1) for tick in range(HORIZON)]
