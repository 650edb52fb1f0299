"""A result file appears whole or not at all."""

from __future__ import annotations

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest

from so_arm.core.errors import UserError
from so_arm.core.files import json_text, replacing, write_json


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
