"""Damage of every kind is found and named, and repair takes a dataset back to what LeRobot reads, losing no file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from so_arm.cli.main import main
from so_arm.core.counted import counted
from so_arm.core.errors import UserError

pytestmark = pytest.mark.torch

CAMERAS = {"static": (32, 48)}
LENGTHS = (5, 4, 6)
VIDEO = "videos/observation.images.static/chunk-000"


def _add(writer, length: int) -> None:
    for tick in range(length):
        image = np.full((32, 48, 3), 40 + 10 * tick, np.uint8)
        writer.add_frame(np.full(6, 0.1), np.full(6, 0.2), {"static": image}, {"success": tick == length - 1})
    writer.save_episode({"steps": length})


def _writer(root: Path):
    from so_arm.data.dataset_writer import DatasetWriter

    return DatasetWriter(root, CAMERAS, 30, "Go.", episodes_per_file=1, columns=("success",))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("whole") / "set"
    with _writer(root) as writer:
        for length in LENGTHS:
            _add(writer, length)
    return root


@pytest.fixture
def root(whole: Path, tmp_path: Path) -> Path:
    return shutil.copytree(whole, tmp_path / "set")


def _check(root: Path, capfd: pytest.CaptureFixture[str]) -> tuple[int, dict]:
    capfd.readouterr()
    code = main(["dataset", "check", str(root), "--json", "-"])
    return code, json.loads(capfd.readouterr().out)


def _loads(root: Path, episodes: int) -> None:
    from lerobot.datasets import LeRobotDataset

    found = LeRobotDataset("local/set", root=root, video_backend="pyav")
    assert (found.meta.total_episodes, len(found)) == (episodes, sum(LENGTHS[:episodes]))
    assert bool(found[len(found) - 1]["success"])
    means = json.loads((root / "meta" / "stats.json").read_text())["observation.images.static"]
    assert means["count"] is not None


def test_a_whole_dataset(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, found = _check(root, capfd)
    assert (code, found["problems"], found["notes"], found["whole"]) == (0, [], [], True)
    assert (found["episodes"], found["frames"], found["fps"]) == (3, 15, 30)
    assert found["cameras"] == {"static": "48x32 px"}
    assert found["units"] == {"body": "degree", "gripper": "0..100"}
    assert main(["dataset", "repair", str(root)]) == 0
    assert "whole: 3 episodes, 15 frames; there was nothing to do" in capfd.readouterr().out


def _stamps(root: Path) -> None:
    path = root / "data/chunk-000/file-001.parquet"
    table = pq.read_table(path)
    column = table.column_names.index("timestamp")
    shifted = np.arange(len(table), dtype=np.float32) / 25
    pq.write_table(table.set_column(column, table.schema.field(column), [shifted]), path)


def _shorter_video(root: Path) -> None:
    shutil.copy(root / VIDEO / "file-001.mp4", root / VIDEO / "file-002.mp4")


def _cut_in_half(name: str) -> Callable[[Path], None]:
    def cut(root: Path) -> None:
        data = (root / name).read_bytes()
        (root / name).write_bytes(data[: len(data) // 2])

    return cut


@pytest.mark.parametrize(
    ("damage", "problem", "kept"),
    [
        (_cut_in_half("data/chunk-000/file-002.parquet"), "file-002.parquet cannot be read", 2),
        (_cut_in_half(f"{VIDEO}/file-001.mp4"), "file-001.mp4: cannot be decoded", 1),
        (lambda root: (root / VIDEO / "file-002.mp4").unlink(), "file-002.mp4: missing", 2),
        (_shorter_video, "file-002.mp4: 4 of 6 frames", 2),
        (_stamps, "episode 1: data/chunk-000/file-001.parquet: a stamp is 0.0200 s off the grid of 30 Hz", 1),
        (_cut_in_half("meta/info.json"), "meta/info.json is damaged", 3),
        (_cut_in_half("meta/tasks.parquet"), "meta/tasks.parquet cannot be read", 3),
        (lambda root: (root / "meta/stats.json").unlink(), "meta/stats.json cannot be read", 3),
        (_cut_in_half("meta/so_arm.json"), "meta/so_arm.json is damaged", 3),
        (lambda root: (root / VIDEO / "file-009.mp4").write_bytes(b"x"), "file-009.mp4: of no episode", 3),
    ],
)
def test_damage_is_named_and_repaired(
    root: Path, damage, problem: str, kept: int, capfd: pytest.CaptureFixture[str]
) -> None:
    before = sum(1 for path in root.rglob("*") if path.is_file())
    damage(root)
    code, found = _check(root, capfd)
    assert code == 1
    assert any(problem in text for text in found["problems"]), found["problems"]
    assert main(["dataset", "repair", str(root)]) == 0, capfd.readouterr()
    assert f"whole: {counted(kept, 'episode')}, " in capfd.readouterr().out
    assert _check(root, capfd)[0] == 0
    _loads(root, kept)
    assert sum(1 for path in root.rglob("*") if path.is_file()) >= before - 1, "nothing is deleted"
    with _writer(root) as writer:
        _add(writer, 3)
    assert _check(root, capfd)[1]["episodes"] == kept + 1


def test_what_a_dead_recording_left(root: Path, capfd: pytest.CaptureFixture[str]) -> None:
    writer = _writer(root)
    writer.add_frame(np.zeros(6), np.zeros(6), {"static": np.zeros((32, 48, 3), np.uint8)}, {"success": False})
    code, found = _check(root, capfd)
    assert (code, found["being_written"], found["notes"]) == (0, True, ["an episode is being recorded"])
    assert main(["dataset", "repair", str(root)]) == 2
    assert "is being written by another process" in capfd.readouterr().err
    writer._lock.release()  # as the kernel does for a process that dies
    assert _check(root, capfd)[1]["notes"] == ["a recording died in its last episode"]
    assert main(["dataset", "repair", str(root)]) == 0
    assert (root / "lost" / "1" / ".recording").is_dir()
    assert _check(root, capfd)[1]["notes"] == []


def test_a_finished_episode_that_was_not_moved_in_is_not_lost(
    root: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from so_arm.data import dataset_staging

    with monkeypatch.context() as patch, pytest.raises(RuntimeError), _writer(root) as writer:
        patch.setattr(dataset_staging, "move_in", lambda _: (_ for _ in ()).throw(RuntimeError("killed")))
        _add(writer, 7)
    assert _check(root, capfd)[0] == 1
    _loads(root, 3)
    with _writer(root) as writer:
        assert writer.recovered == "an episode that had just been finished was moved in"
        assert len(writer.notes) == 4
    assert _check(root, capfd)[1]["frames"] == sum(LENGTHS) + 7


def test_what_is_no_dataset_is_refused(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for words in (["check"], ["repair"]):
        assert main(["dataset", *words, str(tmp_path / "nowhere")]) == 2
        assert "nowhere is not a folder" in capfd.readouterr().err
    assert main(["dataset", "check", str(tmp_path)]) == 2
    assert "is not a LeRobot dataset: it has no meta/info.json" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("some_0.mcap", "", "is a bag, not a LeRobot dataset; so-arm bag to-dataset "),
        (
            "meta/info.json",
            '{"codebase_version": "v2.1"}',
            "is a LeRobot dataset of version v2.1, expected v3.0; so-arm import ",
        ),
    ],
)
def test_what_can_be_made_a_dataset_is_refused_with_the_way(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], file: str, content: str, said: str
) -> None:
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(content)
    for verb in ("check", "repair"):
        assert main(["dataset", verb, str(tmp_path)]) == 2
        captured = capfd.readouterr()
        assert (captured.out, captured.err.count("\n")) == ("", 1)
        assert said in captured.err
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / file], "nothing is written"


def test_a_dataset_without_spare_copies_says_so(root: Path) -> None:
    from so_arm.data.dataset_repair import repair

    shutil.rmtree(root / "meta" / "durable")
    (root / "meta" / "info.json").write_text("{")
    with pytest.raises(UserError, match=r"info\.json cannot be read, and there is no copy of it; restore it from"):
        list(repair(root))
