"""Datasets as recordings: the rows of an episode, the picture of each tick, and what is refused by name."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.data.episodes import REAL, write_dataset
from tests.data.recordings.video_dataset import (
    CAMERAS,
    LENGTHS,
    brightness,
    change_info,
    motion,
    write_video_dataset,
)
from tests.shared_files import SHARED

from so_arm.core.errors import UserError
from so_arm.core.units import lerobot_from_rad
from so_arm.data.dataset_schema import Record
from so_arm.data.joint_units import JointUnits
from so_arm.data.recordings.recording import open_recording

TOTAL = sum(LENGTHS)
COLUMNS = {
    "reward": np.arange(TOTAL, dtype=np.float32),
    "success": [tick == LENGTHS[0] - 1 for tick in range(TOTAL)],
    "intervention": [tick < 10 for tick in range(TOTAL)],
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video_dataset(tmp_path_factory.mktemp("data") / "set", columns=COLUMNS)


@pytest.fixture
def copy(dataset: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(dataset, tmp_path / "set"))


def refusal(root: Path, **options) -> str:
    with pytest.raises(UserError) as caught:
        recording = open_recording(root, 30, **options)
        for index in range(len(recording)):
            frames = recording.episode(index)
            for tick in range(len(frames)):
                frames.images(tick)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_rows_of_an_episode(dataset):
    recording = open_recording(dataset, 30)
    assert (len(recording), recording.fps, recording.cameras) == (2, 30.0, CAMERAS)
    first, second = recording.episode(0), recording.episode(1)
    assert (len(first), len(second)) == LENGTHS
    assert np.abs(second.action - motion(30, 1)).max() < 1e-6
    assert np.abs(lerobot_from_rad(first.state) - lerobot_from_rad(first.action) + 1.0).max() < 1e-4
    assert second.stamps_ns.dtype == np.int64
    assert second.stamps_ns.tolist() == [round(tick * 1e9 / 30) for tick in range(30)]
    assert second.task == "Put it there."
    assert second.reward.tolist() == list(range(45, 75))
    assert (first.success, second.success) == (True, False)
    assert first.intervention.sum() == 10
    assert second.intervention.sum() == 0
    assert second.latency_ms is None


def test_columns_that_are_not_there(tmp_path):
    frames = open_recording(write_video_dataset(tmp_path / "set", (5,), ()), 30).episode(0)
    assert (frames.reward, frames.success, frames.intervention, frames.cameras) == (None, None, None, ())


@pytest.mark.parametrize("order", ["forward", "every seventh", "backward"])
def test_each_tick_has_its_picture(dataset, order):
    ticks = {"forward": slice(None), "every seventh": slice(None, None, 7), "backward": slice(None, None, -1)}[order]
    recording = open_recording(dataset, 30)
    for episode, length in enumerate(LENGTHS):
        frames = recording.episode(episode)
        for tick in range(length)[ticks]:
            for camera, picture in frames.images(tick).items():
                assert picture.shape == (32, 48, 3)
                assert picture.dtype == np.uint8
                assert abs(int(picture.mean()) - brightness(episode, tick, camera)) <= 1, (episode, tick, camera)


def test_episodes_that_nobody_judged_have_no_label(copy):
    Record(notes=[{"outcome": "stopped"}, {"outcome": "failure"}]).save(copy)
    recording = open_recording(copy, 30)
    assert [recording.episode(index).success for index in (0, 1)] == [None, False]
    Record(notes=[{"outcome": "success", "cut": "no images"}, {}]).save(copy)
    recording = open_recording(copy, 30)
    assert [recording.episode(index).success for index in (0, 1)] == [None, False]


def test_no_folder(tmp_path):
    assert "none does not exist" in refusal(tmp_path / "none")
    assert "neither a LeRobot dataset (meta/info.json) nor a bag" in refusal(tmp_path)


def test_no_episode(copy):
    change_info(copy, total_episodes=0)
    assert "holds no episode" in refusal(copy)


def test_an_episode_that_is_not_there(dataset):
    with pytest.raises(UserError, match="episodes 0 to 1, there is no episode 2"):
        open_recording(dataset, 30).episode(2)


def test_units_that_nobody_tells(copy):
    (copy / "meta" / "so_arm.json").unlink()
    assert "--units" in refusal(copy)
    assert len(open_recording(copy, 30, JointUnits.degrees).episode(0)) == 45


def test_units_that_do_not_fit(dataset):
    assert "but in units 'radians'" in refusal(dataset, units=JointUnits.radians)


def test_rows_off_the_grid(copy):
    change_info(copy, fps=50)
    assert "frame 1 is at 0.033 s, not on the grid of 50 Hz" in refusal(copy)


def test_cameras_that_are_no_videos(copy):
    change_info(copy, features={"observation.images.wrist": {"dtype": "image"}})
    assert "observation.images.wrist has dtype image" in refusal(copy)


def test_a_recording_that_was_cut_off(copy):
    Record(complete=False).save(copy)
    assert "was cut off" in refusal(copy)


def test_metadata_that_list_no_video(copy):
    shutil.rmtree(copy / "meta" / "episodes")
    assert "does not say where the video of observation.images.static is" in refusal(copy)


@pytest.mark.parametrize("damage", ["missing", "cut", "foreign", "short"])
def test_damaged_videos_are_named(copy, damage):
    video = copy / "videos/observation.images.wrist/chunk-000/file-000.mp4"
    whole = video.read_bytes()
    if damage == "missing":
        video.unlink()
    elif damage == "short":
        shutil.copy(write_video_dataset(copy.parent / "other", (50,)) / video.relative_to(copy), video)
    else:
        video.write_bytes(whole[: len(whole) // 2] if damage == "cut" else b"not a video")
    said = refusal(copy)
    assert str(video) in said
    assert "is missing" in said if damage == "missing" else "is damaged: frame" in said


def test_other_joint_names(tmp_path):
    root = write_dataset(tmp_path / "set", [(np.zeros((5, 6)), np.zeros((5, 6)))], [f"j{i}" for i in range(6)])
    assert "unknown j0, j1" in refusal(root, units=JointUnits.degrees)


@pytest.mark.skipif(not REAL.is_dir(), reason="the recorded data are not beside the checkout")
def test_real_datasets():
    frames = open_recording(REAL, 30).episode(0)
    assert frames.cameras == ()
    assert len(frames) > 100
    said = refusal(SHARED / "data" / "so101_isaacsim_rosbag2lerobot_v30")
    assert "joints do not match" in said
