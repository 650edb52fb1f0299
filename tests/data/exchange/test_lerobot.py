"""Reading and writing LeRobot v3, where something is wrong."""

import json
import shutil

import numpy as np
import pytest
from tests.data.episodes import write_dataset
from tests.data.exchange.datasets import LAYOUT, make_episode
from tests.data.exchange.refusals import refusal

from so_arm.data.dataset_schema import Record
from so_arm.data.exchange.edits import Edits
from so_arm.data.exchange.episode import Episode, Feature, Layout
from so_arm.data.exchange.lerobot_source import LeRobotSource
from so_arm.data.exchange.lerobot_target import write_lerobot
from so_arm.data.exchange.transfer import transfer

pytestmark = pytest.mark.torch


class Interrupted:
    """Ctrl-C comes in the second episode."""

    layout, lengths, warnings = LAYOUT, [12, 9], []

    def episodes(self):
        yield make_episode(0)
        episode = make_episode(1)
        yield Episode(episode.columns, {key: self.frames(images) for key, images in episode.frames.items()}, "")

    def frames(self, images):
        yield from images[:4]
        raise KeyboardInterrupt


def test_ctrl_c_leaves_no_half_dataset(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        transfer(Interrupted(), tmp_path / "set", Edits(), write_lerobot, lambda rows: None)
    assert list(tmp_path.iterdir()) == []


def test_other_robots_and_images_of_odd_size(tmp_path):
    layout = Layout(10, "panda", {"action": Feature("float64", (7,), None)}, {"observation.images.a": (33, 47)})
    columns = {"action": np.random.default_rng(0).random((3, 7))}
    frames = {"observation.images.a": [np.full((33, 47, 3), 50 * row, np.uint8) for row in range(3)]}
    write_lerobot(tmp_path / "set", layout, [Episode(columns, frames, "Move.")], lambda rows: None)
    source = LeRobotSource(tmp_path / "set")
    assert source.layout == layout
    assert Record.load(tmp_path / "set") is None  # nobody knows the units
    episode = source.episode(0)
    assert np.array_equal(episode.columns["action"], columns["action"])
    for row, images in enumerate(episode.images()):
        assert abs(images["observation.images.a"].mean() - 50 * row) < 3


@pytest.fixture
def damaged(dataset, tmp_path):
    return shutil.copytree(dataset, tmp_path / "set")


def read(root):
    return [list(episode.images()) for episode in LeRobotSource(root).episodes()]


def test_missing_files_are_named(damaged):
    video = next((damaged / "videos" / "observation.images.wrist").rglob("*.mp4"))
    video.write_bytes(video.read_bytes()[:300])
    assert f"{video} cannot be decoded" in refusal(read, damaged)
    video.unlink()
    assert f"{video} is missing" in refusal(read, damaged)
    rows = next((damaged / "data").rglob("*.parquet"))
    rows.unlink()
    assert f"{rows} is missing" in refusal(read, damaged)
    shutil.rmtree(damaged / "meta" / "episodes")
    assert "meta/episodes holds no parquet file" in refusal(read, damaged)


def test_datasets_that_do_not_fit_are_refused(damaged, tmp_path):
    assert "there is no episode 3" in refusal(LeRobotSource(damaged).episode, 3)
    record = Record.load(damaged)
    record.complete = False
    record.save(damaged)
    assert "cut off" in refusal(LeRobotSource, damaged)
    info = json.loads((damaged / "meta" / "info.json").read_text())
    del info["features"]["action"]
    (damaged / "meta" / "info.json").write_text(json.dumps(info))
    (damaged / "meta" / "so_arm.json").unlink()
    assert "feature action is missing" in refusal(LeRobotSource, damaged)
    assert "no parquet file" in refusal(LeRobotSource, write_dataset(tmp_path / "bare", []))
    assert "meta/info.json" in refusal(LeRobotSource, tmp_path)
