"""``so-arm bag`` on files; with nodes it is tested in tests/nodes/test_bag_nodes.py."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from tests.data.bags.samples import IMAGES, STATES, add_topics, make_bag

from so_arm.cli import main as cli_main
from so_arm.cli.bag_record import parse_size
from so_arm.core.errors import UserError
from so_arm.data.bags.writer import BagWriter


@pytest.fixture
def bag(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys):
    """Runs ``so-arm bag`` in an empty folder; gives exit code, standard output and error."""
    monkeypatch.setattr(cli_main, "_listen_to_signals", lambda *_: None)
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)

    def run(*words: str) -> tuple[int, str, str]:
        code = cli_main.main(["bag", *words])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


def test_info_tells_topics_counts_quality_of_service_and_what_was_kept(bag):
    make_bag(Path("drive"))
    code, shown, _ = bag("info", "drive", "--json", "info.json")
    assert code == 0
    assert "134 messages in 0.990 s" in shown and "task: pick_place" in shown
    assert STATES in shown and "reliable," in shown and "volatile, keep_last 10" in shown
    data = json.loads(Path("info.json").read_text())
    assert data["messages"] == 134 and data["custom_data"] == {"task": "pick_place"}
    assert {topic["name"]: topic["messages"] for topic in data["topics"]}[IMAGES] == 34


def test_names_and_types_are_whole_in_a_terminal_of_80(bag, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    make_bag(Path("drive"))
    _, shown, _ = bag("info", "drive")
    assert max(map(len, shown.splitlines())) <= 80
    for words in (STATES, "sensor_msgs/msg/JointState", "transient_local, keep_last"):
        assert any(words in line for line in shown.splitlines()), words


def test_empty_bag_has_an_info_and_nothing_to_play(bag):
    with BagWriter(Path("empty")) as writer:
        add_topics(writer)
    code, shown, _ = bag("info", "empty")
    assert code == 0 and "it is empty: 0 messages" in shown and STATES in shown
    assert bag("check", "empty")[0] == 0
    assert bag("play", "empty") == (2, "", "error: empty is empty: there is nothing to play\n")


def test_check_finds_damage_and_repairs_what_a_killed_recorder_left(bag):
    make_bag(Path("drive"))
    code, shown, _ = bag("check", "drive", "--json", "check.json")
    assert code == 0 and "sound: 134 messages" in shown
    assert json.loads(Path("check.json").read_text())["sound"] is True
    (Path("drive") / "metadata.yaml").unlink()
    os.truncate("drive/drive_0.mcap", os.path.getsize("drive/drive_0.mcap") // 2)  # noqa: PTH202
    code, shown, _ = bag("check", "drive")
    assert code == 1 and "problem: there is no metadata.yaml" in shown and "an unfinished chunk, are lost" in shown
    code, shown, _ = bag("check", "drive", "--repair")
    assert code == 0 and "drive_0.mcap finished: 74 messages" in shown and "sound: 74 messages" in shown


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["info", "nothing"], "nothing does not exist"),
        (["check", "notes.txt"], "notes.txt is not a bag: its name ends neither in .mcap nor in .db3"),
        (["play", "notes.txt"], "notes.txt is not a bag"),
        (
            ["play", "drive", "-t", "/reward"],
            f"unknown topic of the bag '/reward'; choose one of: /episode/info, {STATES}",
        ),
        (["play", "drive", "--start", "7"], "--start is 7 s, but the bag is 0.190 s long"),
        (["record", "-o", "drive"], "--output drive already holds files; choose a new or an empty folder"),
        (["record", "-o", "/proc/bag"], "--output /proc/bag: cannot write to /proc"),
        (["record", "-o", "new", "--split-size", "much"], "--split-size much is no size; give e.g. 500MB or 1GB"),
        (["record", "-o", "new", "-t", "["], "'[' is neither the name of a topic nor a regular expression"),
    ],
)
def test_bad_input_is_one_line(bag, words, line):
    make_bag(Path("drive"), states=20)
    Path("notes.txt").write_text("no bag")
    code, _, told = bag(*words)
    assert code == 2 and f"error: {line}" in told and told.count("\n") == 1
    assert not Path("new").exists()


@pytest.mark.ros
def test_a_node_that_is_killed_is_told_of(bag, monkeypatch):
    dying = [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"]
    monkeypatch.setattr("so_arm.launcher.packages.command", lambda *_: dying)
    make_bag(Path("whole"))
    repair = "; what it recorded is in drive: so-arm bag check drive --repair"
    assert bag("record", "-o", "drive")[::2] == (2, f"error: bag_recorder was killed (signal 9){repair}\n")
    assert bag("play", "whole")[::2] == (2, "error: bag_player was killed (signal 9)\n")


def test_sizes():
    assert [parse_size(text) for text in ("", "1GB", "1.5 MB", "300k", "7")] == [0, 10**9, 1_500_000, 300_000, 7]
    with pytest.raises(UserError):
        parse_size("-1GB")
