"""``so-arm eval`` with a stand-in for the trained policy."""

from __future__ import annotations

import errno
import json
import re
import sys
from pathlib import Path

import pytest

from so_arm.cli import main as cli_main
from so_arm.cli.gym_rollouts import GymSetup

sys.path.insert(0, str(Path(__file__).parents[1] / "learning"))
import fake_episodes


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    folder = tmp_path / "policy"
    folder.mkdir()
    (folder / "config.json").write_text('{"input_features": {}}')
    return folder


@pytest.fixture
def so_arm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Runs the command line in this process, in an empty folder, with a fake environment and policy."""
    monkeypatch.setattr(cli_main, "_listen_to_signals", lambda *_: None)
    monkeypatch.setattr(GymSetup, "__call__", lambda self: fake_episodes.setup())
    monkeypatch.chdir(tmp_path)
    return lambda *words: cli_main.main(["eval", *map(str, words)])


def test_report_plots_and_json(so_arm, policy, tmp_path, capsys):
    code = so_arm(
        "--policy", policy, "--episodes", 6, "--seed", 20, "--workers", 1, "--json", "out.json", "--output", "run"
    )
    assert code == 0
    report = json.loads(Path("out.json").read_text())
    assert [episode["seed"] for episode in report["episodes"]] == list(range(20, 26))
    assert set(report["episodes"][0]) == {"seed", "success", "reward", "steps", "failure"}
    assert report["success_rate"] == 0.5
    assert report["failures"] == {"dropped": 3}
    assert report["meta"]["task"] == "pick_place" and report["meta"]["seeds"] == [20, 25]
    assert report["meta"]["command"].startswith("so-arm")
    made = {path.name for path in (tmp_path / "run").iterdir()}
    assert made == {"config.json", "report.json", "reward.png", "steps.png", "success_by_position.png"}
    assert json.loads((tmp_path / "run" / "report.json").read_text()) == report
    shown = capsys.readouterr().out
    assert "episode 6/6  seed 25  dropped" in shown
    assert "50.0%   (95 % interval 18.8% to 81.2%)" in shown
    assert "3 x dropped" in shown
    assert re.search(r"JSON +out\.json", shown)


def test_emulated_hardware_needs_the_graph(so_arm, policy, capsys):
    assert so_arm("--policy", policy, "--hardware", "emulated") == 2
    assert capsys.readouterr().err == "error: --hardware emulated: only with --through graph\n"


def test_without_a_policy_the_released_one_is_offered(so_arm, capsys):
    assert so_arm() == 2
    error = capsys.readouterr().err
    assert error.startswith("error: --policy DIR is missing; there is: ") and error.count("\n") == 1
    assert error.rstrip().endswith("models/act_pick_place")


def test_a_policy_for_another_task_is_run_with_a_warning(so_arm, policy, capsys):
    (policy / "so_arm.json").write_text('{"task": "pick_place"}')
    assert so_arm("--policy", policy, "--task", "reach", "--episodes", 1, "--workers", 1) == 0
    assert capsys.readouterr().err == "warning: the policy was trained for pick_place, not reach\n"
    assert so_arm("--policy", policy, "--episodes", 1, "--workers", 1, "--output", "second") == 0
    assert capsys.readouterr().err == ""


def test_json_on_standard_output_keeps_people_on_standard_error(so_arm, policy, capsys):
    assert so_arm("--policy", policy, "--episodes", 2, "--workers", 1, "--json", "-") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["mean_steps"] > 0
    assert "success rate" in captured.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--task", "pick_plaice"], "unknown task 'pick_plaice'; choose one of: pick_place, reach. Did you mean"),
        (["--reward", "v4"], "unknown reward 'v4'; choose one of: file:PATH, stable, v1, v2, v3."),
        (["--reward", "file:none.py"], "reward file none.py cannot be read: No such file or directory"),
        (["--randomisation", "heavy"], "heavy"),
        (["--through", "gim"], "'--through': unknown choice 'gim'; choose one of: graph, gym. Did you mean"),
        (["--episodes", "0"], "'--episodes': at least 1 is needed"),
        (["--policy", "nowhere"], "nowhere does not exist"),
        (["--policy", "empty"], "empty is empty; give a LeRobot policy folder"),
        (["--policy", "foreign"], "foreign has no config.json"),
        (["--policy", "broken"], "broken/config.json is damaged"),
        (["--policy", "policy/config.json"], "config.json is a file, not a folder"),
        (["--residual", "nowhere"], "--residual"),
        (["--output", "foreign"], "foreign already holds files"),
        (["--json", "empty"], "empty is a folder"),
    ],
)
def test_bad_input_is_one_line_and_makes_nothing(so_arm, policy, tmp_path, capsys, words, message):
    (tmp_path / "empty").mkdir()
    (tmp_path / "foreign").mkdir()
    (tmp_path / "foreign" / "notes.txt").write_text("mine")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "config.json").write_text("{")
    before = sorted(tmp_path.rglob("*"))
    assert so_arm("--policy", policy, "--episodes", 1, "--workers", 1, *words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and message in error
    assert sorted(tmp_path.rglob("*")) == before


def test_interrupt_is_130_and_leaves_no_report(so_arm, policy, tmp_path, capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(fake_episodes.FakePolicy, "predict", interrupted)
    assert so_arm("--policy", policy, "--workers", 1, "--output", "run", "--json", "out.json") == 130
    assert capsys.readouterr().err.endswith("interrupted\n")
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "out.json").exists()


def test_full_disk_while_writing_the_report(so_arm, policy, tmp_path, capsys, monkeypatch):
    real = Path.write_text

    def full(self, text, *args, **kwargs):
        if "report" in self.name:
            real(self, text[: len(text) // 2], *args, **kwargs)
            raise OSError(errno.ENOSPC, "No space left on device", str(self))
        return real(self, text, *args, **kwargs)

    monkeypatch.setattr(Path, "write_text", full)
    assert so_arm("--policy", policy, "--episodes", 1, "--workers", 1, "--output", "run") == 2
    error = capsys.readouterr().err
    assert "report.json: no space left on the disk" in error
    assert not (tmp_path / "run").exists()


def test_json_to_a_full_device(so_arm, policy, capsys):
    assert so_arm("--policy", policy, "--episodes", 1, "--workers", 1, "--json", "/dev/full") == 2
    assert "cannot write /dev/full: no space left on the disk" in capsys.readouterr().err
