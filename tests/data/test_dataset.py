"""Datasets: what the writer appends is what LeRobot and the trainer read, whatever happens in between."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES
from so_arm.core.units import lerobot_from_rad, rad_from_lerobot

pytestmark = pytest.mark.torch

SIZE = (32, 48)
CAMERAS = {"static": SIZE, "wrist": SIZE}


def _frames(seed: int, length: int) -> list[tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]]:
    rng = np.random.default_rng(seed)
    frames = []
    for tick in range(length):
        images = {}
        for camera in CAMERAS:
            image = np.full((*SIZE, 3), (120, 110, 90), dtype=np.uint8)
            image[10:16, 5 + tick : 11 + tick] = (200, 30, 30)
            images[camera] = image
        frames.append((rng.uniform(-1, 1, 6), rng.uniform(-1, 1, 6), images))
    return frames


def _writer(root: Path, **changes):
    from so_arm.data.dataset_writer import DatasetWriter

    return DatasetWriter(
        root, **({"cameras": CAMERAS, "fps": 30, "task": "Put it there.", "episodes_per_file": 2} | changes)
    )


def _add(writer, seed: int, length: int = 8) -> None:
    for state, action, images in _frames(seed, length):
        writer.add_frame(state, action, images)
    writer.save_episode({"seed": seed})


def _arrays(root: Path):
    from so_arm.data.training_arrays import load_training_arrays

    return load_training_arrays(root)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three episodes: two from a first recording, one from a second; one was discarded."""
    root = tmp_path_factory.mktemp("data") / "set"
    with _writer(root) as writer:
        _add(writer, 0, 8)
        _add(writer, 1, 6)
    with _writer(root) as writer:
        writer.add_frame(*_frames(9, 1)[0])
        writer.discard_episode()
        _add(writer, 2, 7)
    return root


def test_arrays_are_the_frames_that_were_written(dataset: Path) -> None:
    arrays = _arrays(dataset)
    frames = [*_frames(0, 8), *_frames(1, 6), *_frames(2, 7)]
    assert [note["seed"] for note in arrays.notes] == [0, 1, 2]
    assert list(arrays.episode_start) == [0, 8, 14]
    assert list(arrays.episode_end) == [8, 14, 21]
    np.testing.assert_allclose(rad_from_lerobot(arrays.state), [state for state, _, _ in frames], atol=1e-5)
    np.testing.assert_allclose(rad_from_lerobot(arrays.action), [action for _, action, _ in frames], atol=1e-5)
    for camera in CAMERAS:
        error = arrays.images[camera].astype(float) - np.stack([images[camera] for _, _, images in frames])
        assert 10 * np.log10(255**2 / np.mean(error**2)) > 40, "the video keeps what a small image shows"


def test_lerobot_reads_it(dataset: Path) -> None:
    from lerobot.datasets import LeRobotDataset

    found = LeRobotDataset("local/set", root=dataset, video_backend="pyav")
    assert (found.meta.total_episodes, len(found)) == (3, 21)
    sample = found[14]
    np.testing.assert_allclose(sample["action"], lerobot_from_rad(_frames(2, 1)[0][1]), atol=1e-4)
    assert sample["observation.images.static"].shape == (3, *SIZE)
    assert sample["task"] == "Put it there."
    arrays = _arrays(dataset)
    decoded = (sample["observation.images.wrist"].numpy().transpose(1, 2, 0) * 255).round()
    np.testing.assert_array_equal(decoded, arrays.images["wrist"][14])


def test_constants_of_the_format(dataset: Path) -> None:
    from lerobot.datasets.utils import DEFAULT_CHUNK_SIZE, DEFAULT_DATA_FILE_SIZE_IN_MB, DEFAULT_VIDEO_FILE_SIZE_IN_MB

    info = json.loads((dataset / "meta" / "info.json").read_text())
    assert info["codebase_version"] == "v3.0"
    assert info["fps"] == 30
    assert info["splits"] == {"train": "0:3"}
    assert info["chunks_size"] == DEFAULT_CHUNK_SIZE == 1000
    assert info["data_files_size_in_mb"] == DEFAULT_DATA_FILE_SIZE_IN_MB == 100
    assert info["video_files_size_in_mb"] == DEFAULT_VIDEO_FILE_SIZE_IN_MB == 200
    assert info["data_path"] == "data/chunk-{chunk_index:03d}/file-{file_index:03d}.parquet"
    assert info["video_path"] == "videos/{video_key}/chunk-{chunk_index:03d}/file-{file_index:03d}.mp4"
    features = info["features"]
    assert features["action"]["names"] == [f"{name}.pos" for name in JOINT_NAMES]
    assert features["observation.images.static"]["names"] == ["height", "width", "channels"]
    kinds = {
        name: features[name]["dtype"] for name in ("timestamp", "frame_index", "episode_index", "index", "task_index")
    }
    assert kinds == {"timestamp": "float32"} | dict.fromkeys(
        ("frame_index", "episode_index", "index", "task_index"), "int64"
    )
    for path in ("meta/stats.json", "meta/tasks.parquet", "meta/episodes/chunk-000/file-000.parquet"):
        assert (dataset / path).is_file()


def test_a_recording_that_dies_leaves_the_last_durable_state(tmp_path: Path) -> None:
    root = tmp_path / "set"
    with _writer(root) as writer:
        _add(writer, 0)
    with pytest.raises(RuntimeError), _writer(root) as writer:
        _add(writer, 1)
        raise RuntimeError("power cut")
    assert [note["seed"] for note in _arrays(root).notes] == [0]
    with _writer(root) as writer:
        assert len(writer.notes) == 1
        _add(writer, 2)
    arrays = _arrays(root)
    assert len(arrays) == 16
    np.testing.assert_allclose(rad_from_lerobot(arrays.state[8]), _frames(2, 1)[0][0], atol=1e-5)


def test_a_recording_that_was_killed_leaves_whole_episodes_and_is_taken_up(tmp_path: Path) -> None:
    root = tmp_path / "set"
    with _writer(root) as writer:
        _add(writer, 0)
    killed = _writer(root)
    _add(killed, 1)
    assert len(_arrays(root)) == 8, "what is not whole is not there for readers"
    with pytest.raises(UserError, match="is being written by another process"):
        _writer(root)
    killed._lock.release()  # what the kernel does for a process that dies
    with _writer(root) as writer:
        assert writer.recovered.startswith("an episode that was not finished was dropped")
        assert [note["seed"] for note in writer.notes] == [0]
    assert len(_arrays(root)) == 8
    assert not (root / ".recording").exists()


def test_a_dataset_of_the_earlier_layout_that_was_cut_off_is_taken_up(tmp_path: Path) -> None:
    """It was recorded in place; files that its manifest does not list belong to no whole episode."""
    root = tmp_path / "set"
    with _writer(root) as writer:
        _add(writer, 0)
    record = json.loads((root / "meta" / "so_arm.json").read_text())
    del record["calibration"]
    (root / "meta" / "so_arm.json").write_text(json.dumps(record | {"complete": False}))
    (root / "data" / "chunk-000" / "file-001.parquet").write_bytes(b"PAR1 half")
    with pytest.raises(UserError, match=r"was cut off; .* it will resume"):
        _arrays(root)
    with _writer(root) as writer:
        _add(writer, 1)
    assert len(_arrays(root)) == 16


COLUMNS = ("reward", "success", "intervention")


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two episodes with all columns, one per file: longer than what the encoder keeps back, and a single frame."""
    root = tmp_path_factory.mktemp("recording") / "set"
    with _writer(root, columns=COLUMNS, calibration="cafe", episodes_per_file=1) as writer:
        for seed, length in ((0, 70), (1, 1)):
            for tick, (state, action, images) in enumerate(_frames(seed, length)):
                more = {"reward": tick / 4, "success": tick == length - 1, "intervention": tick > 2}
                writer.add_frame(state, action, images, more)
            writer.save_episode({"seed": seed})
            assert (root / "meta" / "info.json").is_file(), "on disk before the next one starts"
    return root


def test_further_columns_and_the_calibration_are_kept(recording: Path) -> None:
    from lerobot.datasets import LeRobotDataset

    found = LeRobotDataset("local/set", root=recording, video_backend="pyav")
    assert (found.meta.total_episodes, len(found)) == (2, 71)
    rows = [found[k] for k in (0, 1, 2, 3, 69, 70)]
    assert [float(row["reward"]) for row in rows] == [0, 0.25, 0.5, 0.75, 17.25, 0]
    assert [bool(row["success"]) for row in rows] == [False] * 4 + [True] * 2
    assert [bool(row["intervention"]) for row in rows] == [False] * 3 + [True] * 2 + [False]
    record = json.loads((recording / "meta" / "so_arm.json").read_text())
    assert record["calibration"] == "cafe"
    assert record["units"] == {"body": "degree", "gripper": "0..100"}
    arrays = _arrays(recording)
    shown = [images["wrist"] for _, _, images in _frames(0, 70)]
    assert np.abs(arrays.images["wrist"][:70].astype(int) - shown).mean() < 3, "every frame in its place"


def test_statistics_of_images_are_lerobots(recording: Path) -> None:
    from lerobot.datasets.compute_stats import RunningQuantileStats

    from so_arm.data.dataset_video import PixelStatistics

    theirs, ours = RunningQuantileStats(), PixelStatistics()
    rng = np.random.default_rng(3)
    for _ in range(5):
        image = rng.integers(30, 220, (*SIZE, 3), dtype=np.uint8)
        theirs.update(image.reshape(-1, 3).astype(float))
        ours.add(image)
    expected, found = theirs.get_statistics(), ours.values()
    assert found is not None
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found[name], value, atol=1.0 if name.startswith("q") else 1e-6, err_msg=name)
    stats = json.loads((recording / "meta" / "stats.json").read_text())
    assert np.shape(stats["observation.images.static"]["mean"]) == (3, 1, 1)
    assert stats["observation.images.static"]["q50"][0][0][0] == pytest.approx(120 / 255)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"columns": ("reward",)}, r"columns is \['reward', 'success', 'intervention'\], but this recording has"),
        ({"calibration": "beef"}, "calibration is cafe, but this recording has beef"),
        ({"calibration": ""}, "calibration is cafe, but this recording has none"),
        ({"cameras": {"static": SIZE, "wrist": (64, 64)}}, "cameras is"),
    ],
)
def test_a_recording_of_another_kind_is_not_appended(recording: Path, change: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        _writer(recording, **({"columns": COLUMNS, "calibration": "cafe"} | change))


def test_a_recording_without_cameras(tmp_path: Path) -> None:
    from lerobot.datasets import LeRobotDataset

    for _ in range(2):
        with _writer(tmp_path / "set", cameras={}, columns=("success",)) as writer:
            writer.add_frame(np.zeros(6), np.ones(6), {}, {"success": True})
            writer.save_episode({})
    found = LeRobotDataset("local/set", root=tmp_path / "set")
    assert (len(found), found.meta.total_episodes) == (2, 2)


def test_a_folder_that_takes_no_files_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot write /proc/1/set"):
        _writer(Path("/proc/1/set"))
    with _writer(tmp_path / "new"):
        pass
    assert not (tmp_path / "new").exists(), "nothing was recorded"


def test_camera_sized_videos_play_everywhere() -> None:
    from so_arm.data.dataset_video import video_encoder

    assert video_encoder([(64, 64), (96, 96)]).pix_fmt == "yuv444p"
    assert video_encoder([(64, 64), (480, 640)]).pix_fmt == "yuv420p"


def test_appending_with_other_settings_is_refused_by_name(dataset: Path) -> None:
    with pytest.raises(UserError, match="fps is 30, but this recording has 50"):
        _writer(dataset, fps=50)
    with pytest.raises(UserError, match="cameras is"):
        _writer(dataset, cameras={"static": SIZE})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda info: info["features"]["action"]["names"].reverse(), "names of action are"),
        (lambda info: info["features"].pop("observation.state"), r"feature observation\.state is missing"),
        (lambda info: info.update(codebase_version="v2.1"), "is a LeRobot dataset of version v2.1, expected v3.0"),
    ],
)
def test_a_foreign_dataset_is_refused_by_name(tmp_path: Path, change, message: str) -> None:
    from so_arm.data.dataset_schema import features

    info = {"codebase_version": "v3.0", "fps": 30, "robot_type": "so100_follower", "total_episodes": 1}
    info["features"] = features(CAMERAS)
    change(info)
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "info.json").write_text(json.dumps(info))
    for reading in (_arrays, _writer):
        with pytest.raises(UserError, match=message):
            reading(tmp_path)


def test_other_units_are_refused_by_name(tmp_path: Path) -> None:
    from so_arm.data.dataset_schema import ROBOT_TYPE, Record, features

    info = {"codebase_version": "v3.0", "fps": 30, "robot_type": ROBOT_TYPE, "features": features(CAMERAS)}
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "info.json").write_text(json.dumps(info))
    Record(units={"body": "-100..100", "gripper": "0..100"}, notes=[{}]).save(tmp_path)
    with pytest.raises(UserError, match="units is"):
        _writer(tmp_path)


def test_what_is_no_dataset_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"has no meta/info\.json"):
        _arrays(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file"):
        _writer(tmp_path / "file")


def test_a_full_disk_in_an_encoder_thread_keeps_the_durable_episodes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    from so_arm.data import dataset_video

    root = tmp_path / "set"

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left") as caught, _writer(root, episodes_per_file=1) as writer:
        _add(writer, 0, 8)
        monkeypatch.setattr(dataset_video.av, "open", full)
        _add(writer, 1, 6)
    assert caught.value.errno == errno.ENOSPC
    monkeypatch.undo()
    assert [note["seed"] for note in _arrays(root).notes] == [0]
    assert not (root / ".recording").exists()


def test_a_file_limit_ends_an_episode_and_keeps_the_durable_ones(tmp_path: Path) -> None:
    import errno
    import resource
    import signal

    root = tmp_path / "set"
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        with pytest.raises(OSError, match="too large") as caught, _writer(root, episodes_per_file=1) as writer:
            _add(writer, 0, 8)
            resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, before[1]))
            _add(writer, 1, 40)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert caught.value.errno == errno.EFBIG
    assert [note["seed"] for note in _arrays(root).notes] == [0]
