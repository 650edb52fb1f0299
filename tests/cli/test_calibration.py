from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.core.calibration_samples import phosphobot

from so_arm.cli import main as cli_main
from so_arm.core.calibration import nominal_calibration
from so_arm.core.calibration_formats import lerobot_text


@pytest.fixture
def calibration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(cli_main, "_listen_to_signals", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    Path("arm.json").write_text(lerobot_text(nominal_calibration({"gripper": -301})))
    Path("phosphobot.json").write_text(json.dumps(phosphobot()))
    return lambda *words: cli_main.main(["calibration", *words])


def test_show_prints_every_joint(calibration, capsys):
    assert calibration("show", "arm.json") == 0
    shown = capsys.readouterr().out
    assert "Calibration (LeRobot)" in shown and "Warnings" not in shown and "Converted" not in shown
    (gripper,) = [line.split() for line in shown.splitlines() if "gripper" in line]
    assert [word for word in gripper if word != "│"] == ["gripper", "6", "0", "-301", "1421..2673", "2047", "±55.0"]
    assert max(map(len, shown.splitlines())) <= 80


def test_show_says_what_was_converted_on_paper_and_in_json(calibration, capsys):
    assert calibration("show", "phosphobot.json", "--json", "-") == 0
    captured = capsys.readouterr()
    assert "Calibration (phosphobot, so-100)" in captured.err
    assert "elbow_flex: middle at servos_offsets 985; range from the model's limits" in captured.err
    data = json.loads(captured.out)
    assert data["file"] == "phosphobot.json" and data["format"] == "phosphobot" and data["converted"] is True
    assert data["joints"]["elbow_flex"]["homing_offset"] == -1062
    assert data["joints"]["gripper"]["range_rad"] == pytest.approx([-0.174533, 1.74533], abs=1e-5)
    assert {"text": "ids 1 to 6 in the order of the joints", "joint": None} in data["notes"]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "the file is empty"),
        (b'{"shoulder_pan": {', "was it cut off?"),
        (b"\xff\xd8\xff", "not a text file"),
        (b" " * 1_000_001, "larger than 1000 kB"),
    ],
)
def test_a_bad_file_is_one_line_and_exit_code_2(calibration, capsys, content, reason):
    if content is not None:
        Path("bad.json").write_bytes(content)
    assert calibration("show", "bad.json") == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1
    assert captured.err.startswith("error: bad.json") and reason in captured.err


def test_a_folder_or_no_verb_is_one_line(calibration, capsys):
    assert calibration("show", ".") == 2
    assert "cannot be read: Is a directory" in capsys.readouterr().err
    assert calibration() == 2
    assert "Missing command" in capsys.readouterr().err
