import hashlib
import json
import shutil

import numpy as np
import pytest
from tests.data.exchange.datasets import assert_same_numbers
from tests.data.exchange.refusals import refusal
from tests.shared_files import SHARED

from so_arm.data.exchange.lerobot_source import LeRobotSource
from so_arm.data.exchange.lerobot_v21 import check_complete, convert

DATA = SHARED / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the recorded data are not beside the checkout")
LENGTHS = (5, 3, 4)


def write_v21(root, lengths=LENGTHS):
    """A dataset in LeRobot's old form, with the columns that are needed."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    names = [f"joint_{number}" for number in range(6)]
    numbers = {"dtype": "float32", "shape": [6], "names": names}
    index = {"dtype": "int64", "shape": [1], "names": None}
    info = {
        "codebase_version": "v2.1",
        "robot_type": "so100",
        "total_episodes": len(lengths),
        "total_frames": sum(lengths),
        "total_tasks": 1,
        "total_videos": 0,
        "total_chunks": 1,
        "chunks_size": 1000,
        "fps": 30,
        "splits": {"train": f"0:{len(lengths)}"},
        "data_path": "data/chunk-{episode_chunk:03d}/episode_{episode_index:06d}.parquet",
        "video_path": None,
        "features": {
            "action": numbers,
            "observation.state": numbers,
            "timestamp": {"dtype": "float32", "shape": [1], "names": None},
            **dict.fromkeys(("frame_index", "episode_index", "index", "task_index"), index),
        },
    }
    (root / "meta").mkdir(parents=True)
    (root / "data" / "chunk-000").mkdir(parents=True)
    (root / "meta" / "info.json").write_text(json.dumps(info))
    write_lines(root / "meta" / "tasks.jsonl", [{"task_index": 0, "task": "Stack the bricks."}])
    episodes = [{"episode_index": e, "tasks": ["Stack the bricks."], "length": n} for e, n in enumerate(lengths)]
    write_lines(root / "meta" / "episodes.jsonl", episodes)
    stats = []
    for number, length in enumerate(lengths):
        values = values_of(number, length)
        columns = {
            "action": values.tolist(),
            "observation.state": (values + 1).tolist(),
            "timestamp": (np.arange(length) / 30).astype(np.float32).tolist(),
            "frame_index": list(range(length)),
            "episode_index": [number] * length,
            "index": list(range(sum(lengths[:number]), sum(lengths[: number + 1]))),
            "task_index": [0] * length,
        }
        pq.write_table(pa.table(columns), root / "data" / "chunk-000" / f"episode_{number:06d}.parquet")
        told = {key: stats_of(np.array(column, np.float64)) for key, column in columns.items()}
        stats.append({"episode_index": number, "stats": told})
    write_lines(root / "meta" / "episodes_stats.jsonl", stats)
    return root


def values_of(number, length):
    return np.random.default_rng(number).normal(size=(length, 6)).astype(np.float32)


def stats_of(values):
    values = values.reshape(len(values), -1)
    of = {"min": values.min(0), "max": values.max(0), "mean": values.mean(0), "std": values.std(0)}
    return {name: found.tolist() for name, found in of.items()} | {"count": [len(values)]}


def write_lines(path, rows):
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def old(tmp_path):
    return write_v21(tmp_path / "old")


def fingerprint(root):
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.torch
def test_converted_rows_are_those_of_the_source_which_stays(old, tmp_path):
    before = fingerprint(old)
    assert check_complete(old) == list(LENGTHS)
    convert(old, tmp_path / "new")
    source = LeRobotSource(tmp_path / "new")
    assert (source.lengths, source.layout.fps, source.layout.units) == (list(LENGTHS), 30, None)
    for number, episode in enumerate(source.episodes()):
        assert np.array_equal(episode.columns["action"], values_of(number, LENGTHS[number]))
        assert episode.task == "Stack the bricks."
    assert fingerprint(old) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "old"]


@needs_data
@pytest.mark.torch
def test_a_real_dataset_equals_its_known_conversion(tmp_path):
    convert(DATA / "so100_lego_bin_v21_nocam", tmp_path / "new")
    found, known = LeRobotSource(tmp_path / "new"), LeRobotSource(DATA / "so100_lego_bin_v30_nocam")
    assert found.lengths == known.lengths == [449]
    assert found.layout == known.layout
    for episode, expected in zip(found.episodes(), known.episodes(), strict=True):
        assert_same_numbers(episode, expected)


@needs_data
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("so101_chess_rook_v21_noparquet", "no data file of episodes 0 to 4 of 5"),
        ("so100_base_env_v21_metaonly", "only metadata, no data file of episodes 0 to 251 of 252"),
    ],
)
def test_real_datasets_that_are_incomplete(name, said):
    assert said in refusal(check_complete, DATA / name)


def test_what_is_missing_is_named(old):
    (old / "data" / "chunk-000" / "episode_000001.parquet").unlink()
    assert "no data file of episode 1 of 3" in refusal(check_complete, old)
    shutil.rmtree(old / "data")
    assert "there is only metadata" in refusal(check_complete, old)
    (old / "meta" / "episodes_stats.jsonl").unlink()
    assert "meta/episodes_stats.jsonl is missing" in refusal(check_complete, old)


def test_missing_videos_are_named(old):
    info = json.loads((old / "meta" / "info.json").read_text())
    info["features"]["observation.images.top"] = {"dtype": "video", "shape": [4, 6, 3], "names": None}
    info["video_path"] = "videos/chunk-{episode_chunk:03d}/{video_key}/episode_{episode_index:06d}.mp4"
    (old / "meta" / "info.json").write_text(json.dumps(info))
    assert "no video observation.images.top of episodes 0 to 2 of 3" in refusal(check_complete, old)


def test_rows_that_do_not_fit_are_named(old):
    episodes = [{"episode_index": e, "tasks": [], "length": 5} for e in range(3)]
    write_lines(old / "meta" / "episodes.jsonl", episodes)
    assert "episode_000001.parquet has 3 rows, but episodes.jsonl lists 5" in refusal(check_complete, old)


@pytest.mark.parametrize(
    ("file", "text", "said"),
    [
        ("info.json", "{}", "meta/info.json has no fps"),
        ("info.json", "{", "damaged"),
        ("episodes.jsonl", "{no\n", "damaged"),
        ("episodes.jsonl", '{"episode_index": 0}\n', "lacks"),
        ("episodes.jsonl", "", "no episode"),
        ("episodes_stats.jsonl", "", "episodes_stats.jsonl lacks episodes 0 to 2"),
    ],
)
def test_damaged_metadata(old, file, text, said):
    (old / "meta" / file).write_text(text)
    assert said in refusal(check_complete, old)


@pytest.mark.torch
def test_what_the_converter_says_is_handed_on(old, tmp_path):
    """Statistics without a count pass every check of ours."""
    stats = [{"episode_index": e, "stats": {"action": {"min": [0.0]}}} for e in range(3)]
    write_lines(old / "meta" / "episodes_stats.jsonl", stats)
    assert check_complete(old) == list(LENGTHS)
    assert "LeRobot's converter cannot convert" in refusal(convert, old, tmp_path / "new")
    assert sorted(path.name for path in tmp_path.iterdir() if not path.name.endswith("_v30")) == ["old"]
