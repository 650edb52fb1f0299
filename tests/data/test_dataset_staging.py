"""Killed between any two steps of moving an episode in, and what is on disk before each of them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from so_arm.data import dataset_staging
from so_arm.data.dataset_check import check

pytestmark = pytest.mark.torch

STEPS = 5


class _KilledError(Exception):
    """In place of kill -9, which no code sees."""


def _writer(root: Path):
    from so_arm.data.dataset_writer import DatasetWriter

    return DatasetWriter(root, {"static": (32, 48)}, 30, "Go.", episodes_per_file=1, columns=("success",))


def _add(writer) -> None:
    for tick in range(STEPS):
        picture = np.full((32, 48, 3), 20 * tick, np.uint8)
        writer.add_frame(np.full(6, 0.1 * tick), np.zeros(6), {"static": picture}, {"success": tick == STEPS - 1})
    writer.save_episode({"seed": 0})


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset of one episode with a second one that is finished, and not in its place yet."""
    root = tmp_path_factory.mktemp("staging") / "set"
    with _writer(root) as writer:
        _add(writer)
    with pytest.MonkeyPatch.context() as patch, pytest.raises(_KilledError), _writer(root) as writer:
        patch.setattr(dataset_staging, "move_in", _killed)
        _add(writer)
    assert (root / dataset_staging.FINISHED).is_dir()
    return root


def _killed(*_: object) -> None:
    raise _KilledError


def test_killed_after_any_file_lerobot_reads_whole_episodes(
    finished: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from lerobot.datasets import LeRobotDataset

    moves = sum(1 for path in (finished / dataset_staging.FINISHED).rglob("*") if path.is_file())
    replace, seen = Path.replace, []
    for survived in range(moves + 1):
        root = shutil.copytree(finished, tmp_path / str(survived))
        left = [survived]

        def step(path: Path, target: Path, left: list[int] = left) -> Path:
            if not left[0]:
                raise _KilledError
            left[0] -= 1
            return replace(path, target)

        with monkeypatch.context() as patch:
            patch.setattr(Path, "replace", step)
            try:
                dataset_staging.move_in(root)
            except _KilledError:
                assert survived < moves
        found = LeRobotDataset("local/set", root=root, video_backend="pyav")
        episodes = found.meta.total_episodes
        assert len(found) == STEPS * episodes
        for frame in range(len(found)):
            assert int(found[frame]["frame_index"]) == frame % STEPS
            assert abs(float(found[frame]["observation.images.static"].mean()) * 255 - 20 * (frame % STEPS)) < 3
        seen.append(episodes)
        with _writer(root) as writer:
            assert len(writer.notes) == 2
        assert check(root).problems == []
    assert seen == sorted(seen) and set(seen) == {1, 2}, "the second one appears at once, and stays"


def test_every_file_is_on_disk_before_its_episode_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: set[int] = set()
    fsync, replace = os.fsync, Path.replace
    unsynced: dict[str, list[str]] = {}

    def note(handle: int) -> None:
        synced.add(os.fstat(handle).st_ino)
        fsync(handle)

    def rename(path: Path, target: Path) -> Path:
        if path.name == dataset_staging.RECORDING:
            unsynced["before"] = [str(one) for one in (path, *path.rglob("*")) if one.stat().st_ino not in synced]
        return replace(path, target)

    monkeypatch.setattr(os, "fsync", note)
    monkeypatch.setattr(Path, "replace", rename)
    with _writer(tmp_path / "set") as writer:
        _add(writer)
    assert unsynced == {"before": []}
    assert (tmp_path / "set").stat().st_ino in synced, "and so are its names"
    assert json.loads((tmp_path / "set/meta/info.json").read_text())["total_episodes"] == 1
