"""A result file appears whole or not at all."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from so_arm.core.errors import UserError
from so_arm.core.files import check_new, json_text, replacing, write_json


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_replaces_and_leaves_nothing_else(tmp_path: Path):
    path = tmp_path / "new" / "video.mp4"
    for text in ("one", "two"):
        with replacing(path) as target:
            assert target.suffix == ".mp4" and target.parent == path.parent
            target.write_text(text)
    assert path.read_text() == "two"
    assert _names(path.parent) == ["video.mp4"]


def test_failure_keeps_the_old_file(tmp_path: Path):
    path = tmp_path / "report.json"
    write_json(path, 1)
    with pytest.raises(RuntimeError), replacing(path) as target:
        target.write_text("half")
        raise RuntimeError
    assert _names(tmp_path) == ["report.json"]
    assert path.read_text() == "1\n"


def test_full_disk_leaves_nothing_and_says_so(tmp_path: Path, monkeypatch):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(UserError, match=r"cannot write .*report\.json: no space left on the disk"):
        write_json(tmp_path / "report.json", {})
    assert _names(tmp_path) == []


def test_a_folder_in_the_way_is_named(tmp_path: Path):
    (tmp_path / "report.json").mkdir()
    with pytest.raises(UserError, match=r"report\.json: it is a folder"):
        write_json(tmp_path / "report.json", {})
    assert _names(tmp_path) == ["report.json"]


@pytest.mark.parametrize("path", ["/proc/run/config.json", "/proc/report.json"])
def test_a_place_that_takes_no_files_is_named(path: str):
    reason = "/proc takes no new files|permission denied"  # root, or somebody else
    with pytest.raises(UserError, match=f"cannot write {path}: ({reason})"):
        write_json(Path(path), {})
    with pytest.raises(UserError, match=f"cannot write {path}: ({reason})"):
        check_new(Path(path), "results_file")


def test_a_file_in_place_of_a_folder_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="part of its path is a file, not a folder"):
        write_json(tmp_path / "file" / "report.json", {})


def test_a_block_that_misses_a_file_of_its_own_is_not_blamed_on_the_target(tmp_path: Path):
    with pytest.raises(FileNotFoundError), replacing(tmp_path / "video.mp4"):
        (tmp_path / "input").read_text()


def test_a_new_file_holds_nothing_yet_and_can_be_written(tmp_path: Path):
    path = tmp_path / "new" / "results"
    check_new(path, "results_file")
    assert _names(path.parent) == []
    path.write_text("")
    check_new(path, "results_file")
    path.write_text("result")
    with pytest.raises(UserError, match=f"results_file {path} holds results already; choose another name"):
        check_new(path, "results_file")
    assert path.read_text() == "result"
    with pytest.raises(UserError, match="it is a folder"):
        check_new(tmp_path, "results_file")
    check_new(Path("/dev/full"), "results_file")


def test_devices_are_written_in_place():
    write_json(Path("/dev/null"), {})
    assert Path("/dev/null").is_char_device()


def test_json_has_no_nan_and_takes_numpy():
    data = {
        "a": np.float64(1.5),
        "b": np.arange(2),
        "c": float("nan"),
        "d": [Path("x"), np.bool_(True)],
        1: float("inf"),
    }
    assert json.loads(json_text(data)) == {"a": 1.5, "b": [0, 1], "c": None, "d": ["x", True], "1": None}
