from __future__ import annotations

import json
from pathlib import Path

import pytest

from so_arm.cli import main as cli_main


@pytest.fixture
def rewards(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(cli_main, "_listen_to_signals", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    return lambda *words: cli_main.main(["rewards", *words])


def test_list_names_every_reward(rewards, capsys):
    assert rewards("--json", "out.json") == 0
    shown = capsys.readouterr().out
    assert "v1" in shown and "v3 (stable)" in shown
    assert json.loads(Path("out.json").read_text())["v2"]["drop"] == -20.0


def test_one_reward_shows_its_phases(rewards, capsys):
    assert rewards("v3", "--json", "-") == 0
    phases = json.loads(capsys.readouterr().out)["phases"]
    assert phases["dropped"] < phases["start"] < phases["lifted"] < phases["over the target"] < phases["success"]


def test_a_good_file_passes_and_a_bad_one_is_named_with_its_line(rewards, capsys):
    Path("mine.py").write_text("def compute_reward(state):\n    return state.tick\n")
    assert rewards("file:mine.py") == 0
    Path("mine.py").write_text("def compute_reward(state):\n    return state.tock\n")
    assert rewards("file:mine.py") == 2
    error = capsys.readouterr().err
    assert "mine.py, line 2: AttributeError" in error and error.count("\n") == 1
