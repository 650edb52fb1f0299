"""so-arm record through the real nodes: what LeRobot reads of it, and that a policy trains on it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.cli.test_record import plan

from so_arm.cli import main as cli_main
from so_arm.cli import recording_run
from so_arm.core.episode_record import EpisodeRecord, record_path
from so_arm.core.joints import LOWER_RAD, UPPER_RAD
from so_arm.core.units import lerobot_from_rad

pytestmark = [pytest.mark.ros, pytest.mark.torch, pytest.mark.gl, pytest.mark.slow]

FPS = 30
PATIENCE_S = 240.0


def read(root: Path) -> tuple[Any, list[dict[str, np.ndarray]]]:
    """LeRobot's own view of the dataset, and the columns of each episode."""
    import lerobot
    from lerobot.datasets.lerobot_dataset import LeRobotDataset

    assert lerobot.__version__ == "0.6.1"
    dataset = LeRobotDataset("somebody/something", root=root)
    table = dataset.hf_dataset.with_format("numpy")
    columns = {name: np.stack(table[name][:]) for name in table.column_names}
    episodes = columns["episode_index"]
    return dataset, [{name: values[episodes == i] for name, values in columns.items()} for i in np.unique(episodes)]


def check(root: Path, turns: list[dict]) -> list[dict[str, np.ndarray]]:
    """What holds of every recording that a person or the expert led; its episodes."""
    dataset, episodes = read(root)
    assert dataset.fps == FPS and dataset.meta.total_episodes == len(turns) == len(episodes)
    assert dataset.meta.tasks.index.tolist() == ["Reach the target point."]
    assert dataset.meta.features["observation.state"]["names"][0] == "shoulder_pan.pos"
    record = json.loads((root / "meta" / "so_arm.json").read_text())
    assert record["units"] == {"body": "degree", "gripper": "0..100"}
    lower, upper = lerobot_from_rad(LOWER_RAD), lerobot_from_rad(UPPER_RAD)
    for turn, rows in zip(turns, episodes, strict=True):
        count = len(rows["timestamp"])
        assert count == turn["rows"] == turn["steps"]
        assert rows["timestamp"].ravel() == pytest.approx(np.float32(np.arange(count) / FPS), abs=0)
        state, action = rows["observation.state"], rows["action"]
        assert (state >= lower - 2).all() and (state <= upper + 2).all()
        assert (action >= lower - 2).all() and (action <= upper + 2).all()
        assert np.ptp(action[:, :5], axis=0).max() > 5.0, "the arm moves by degrees, not by radians"
        # Half open at home, on the scale of 0 to 100.
        assert 30.0 < state[0, 5] < 60.0
        assert np.abs(action[0] - state[0]).max() < 10.0, "the first command begins where the arm is"
        assert rows["success"].ravel().tolist() == [False] * (count - 1) + [turn["outcome"] == "success"]
        assert rows["intervention"].all()
        assert np.isfinite(rows["reward"]).all()
    image = dataset[len(episodes[0]["timestamp"]) - 1]["observation.images.wrist"]
    assert tuple(image.shape) == (3, 48, 64) and 0.05 < float(image.mean()) < 0.95
    return episodes


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory, ros_domain: int) -> tuple[Path, list[dict], Path]:
    """Two episodes of the expert in lockstep: the dataset, its turns, and the simulation's own records."""
    folder = tmp_path_factory.mktemp("simulated")
    recording = plan(folder / "set", episodes=2, image_size=(64, 48))
    recording.check()
    with pytest.MonkeyPatch.context() as patch:
        told = recording_run._arguments
        patch.setattr(recording_run, "_arguments", lambda *given: told(*given) | {"record_dir": str(folder / "own")})
        turns = recording_run.run_recording(recording, 5, folder / "graph.log", keys=False, on_turn=lambda turn: None)
    return folder / "set", turns, folder / "own"


def test_the_expert_in_simulation(simulated: tuple[Path, list[dict], Path]):
    root, turns, own = simulated
    assert [(turn["seed"], turn["result"]) for turn in turns] == [(5, "saved"), (6, "saved")]
    for turn, rows in zip(turns, check(root, turns), strict=True):
        record = EpisodeRecord.load(record_path(own, turn["seed"]))
        assert rows["observation.state"] == pytest.approx(np.float32(lerobot_from_rad(record.joint_position)), abs=1e-4)
        assert rows["action"] == pytest.approx(np.float32(lerobot_from_rad(record.action)), abs=1e-4)
        assert rows["reward"].ravel() == pytest.approx(np.float32(record.reward), abs=1e-6)


def test_a_policy_trains_on_it(simulated: tuple[Path, list[dict], Path], tmp_path: Path, capfd):
    words = ["--dataset", str(simulated[0]), "--output", str(tmp_path / "run"), "--steps", "2", "--batch-size", "2"]
    assert cli_main.main(["train", *words, "--chunk-size", "10", "--threads", "1", "--json", "-"]) == 0
    assert json.loads(capfd.readouterr().out)["step"] == 2
    assert (tmp_path / "run" / "policy" / "model.safetensors").is_file()


def test_the_emulated_leader_leads_the_emulated_arm(tmp_path: Path, ros_domain: int):
    words = ["--teleop", "leader", "--hardware", "emulated", "--task", "reach", "--image-size", "64", "48"]
    done = subprocess.run(
        [sys.executable, "-m", "so_arm.cli.main", "record", *words, "--output", "set", "--json", "-"],
        cwd=tmp_path,
        env=os.environ | {"ROS_DOMAIN_ID": str(ros_domain), "OMP_NUM_THREADS": "1"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["saved"], report["in_dataset"]) == (1, 1 + report["cut"])
    saved = [turn for turn in report["turns"] if turn["result"] == "saved"]
    (rows,) = check(tmp_path / "set", saved)
    # The follower went where the leader led it: behind the commands, but not far.
    lag = np.abs(rows["action"][:-6, :5] - rows["observation.state"][6:, :5])
    assert lag.max() < 25.0
