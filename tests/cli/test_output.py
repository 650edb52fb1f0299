"""Where results go: '-' for standard output, refusal of unusable targets before the work starts, run directories."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from so_arm.cli.output import check_folder, check_json_target, console, run_directory, write_json
from so_arm.core.errors import UserError


def test_dash_puts_json_on_standard_output_and_people_on_standard_error(capsys):
    dash = Path("-")
    console(dash).print("for people")
    write_json(dash, {"a": 1})
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"a": 1}
    assert captured.err == "for people\n"


def test_without_json_people_get_standard_output(capsys, tmp_path: Path):
    console().print("for people")
    write_json(None, {"a": 1})
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("for people\n", "")
    assert list(tmp_path.iterdir()) == []


def test_json_target_is_checked_beforehand(tmp_path: Path):
    assert check_json_target(tmp_path / "new" / "report.json") == tmp_path / "new" / "report.json"
    assert check_json_target(None) is None
    assert check_json_target(Path("/dev/full")) == Path("/dev/full")
    with pytest.raises(UserError, match="is a folder"):
        check_json_target(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write to"):
        check_json_target(tmp_path / "file" / "report.json")
    with pytest.raises(UserError, match="cannot write to /proc; choose another file"):
        check_json_target(Path("/proc/report.json"))


def test_folder_is_checked_beforehand(tmp_path: Path):
    check_folder(tmp_path / "new" / "set", "--output")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"--output .* is a file; choose a folder"):
        check_folder(tmp_path / "file" / "set", "--output")
    with pytest.raises(UserError, match="cannot write to /proc; choose another folder"):
        check_folder(Path("/proc/set"), "--output")


def test_full_disk_is_a_user_error():
    with pytest.raises(UserError, match="cannot write /dev/full: no space left"):
        write_json(Path("/dev/full"), {"a": 1})
    assert Path("/dev/full").is_char_device()


def test_run_directory_holds_the_command(tmp_path: Path):
    folder = run_directory(tmp_path / "run", "eval", {"episodes": 3})
    config = json.loads((folder / "config.json").read_text())
    assert config["verb"] == "eval" and config["settings"] == {"episodes": 3}
    assert config["command"].startswith("so-arm") and config["machine"]["cores"] >= 1


def test_run_directory_is_named_after_the_verb(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run_directory(None, "bench").match("runs/bench-*-*")


def test_run_directory_in_use_is_refused_unless_resumed(tmp_path: Path):
    folder = run_directory(tmp_path / "run", "train")
    with pytest.raises(UserError, match="already holds files"):
        run_directory(folder, "train")
    assert run_directory(folder, "train", resume=True) == folder
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="is a file"):
        run_directory(tmp_path / "file", "train")
