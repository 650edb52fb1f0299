"""``so-arm rl-demo`` with stand-ins for the graph and for the node that counts its episodes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from so_arm.cli import graph_rollouts, key_node
from so_arm.cli import main as cli_main
from so_arm.core.errors import UserError

TURNS = [
    {"seed": 4, "mode": "base", "success": False, "outcome": "dropped", "reward": 1.0, "steps": 9, "line": "first"},
    {"seed": 5, "mode": "base + residual", "success": True, "outcome": "", "reward": 2.0, "steps": 8, "line": "second"},
]


class Stage:
    """What the graph and the node beside it do, and what they were told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.error: BaseException | None = None
        self.turns = TURNS
        monkeypatch.setattr(graph_rollouts, "run_graph", self._graph)
        monkeypatch.setattr(key_node, "key_node", self._node)

    @contextmanager
    def _node(self, name: str, parameters: dict[str, str]) -> Iterator[object]:
        self.node, self.parameters = name, parameters
        yield lambda: None

    def _graph(self, rollouts, log, on_episode, *, on_step, **given):
        self.rollouts, self.given = rollouts, given
        for turn in self.turns:
            with Path(self.parameters["results_file"]).open("a") as lines:
                lines.write(json.dumps(turn) + "\n")
            on_step()
        if self.error is not None:
            raise self.error


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stage:
    monkeypatch.setattr(cli_main, "_listen_to_signals", lambda *_: None)
    monkeypatch.setattr(key_node, "has_terminal", lambda: False)
    monkeypatch.chdir(tmp_path)
    for name in ("policy", "residual"):
        Path(name).mkdir()
    Path("policy/config.json").write_text('{"input_features": {}}')
    return Stage(monkeypatch)


def rl_demo(*words: object) -> int:
    return cli_main.main(["rl-demo", "--policy", "policy", *map(str, words)])


def test_each_episode_is_told_and_the_modes_are_counted(stage: Stage, tmp_path: Path, capsys):
    words = ("--residual", "residual", "--alternate", "--episodes", 2, "--seed", 4, "--output", "run", "--json", "o")
    assert rl_demo(*words) == 0
    shown = capsys.readouterr().out
    assert "first\nsecond\n" in shown and "21% to 100%" in shown
    assert (stage.node, stage.parameters["alternate"], stage.parameters["keys"]) == ("residual_switch", "true", "false")
    assert stage.rollouts.residual == tmp_path / "residual" and list(stage.rollouts.seeds) == [4, 5]
    assert stage.given["lockstep"] is False
    report = json.loads(Path("o").read_text())
    assert report == json.loads(Path("run/report.json").read_text())
    assert report["modes"] == {
        "base": {"episodes": 1, "successes": 0},
        "base + residual": {"episodes": 1, "successes": 1},
    }
    assert report["seeds"] == [4, 5] and "line" not in report["episodes"][0]


@pytest.mark.parametrize(("turns", "code"), [(TURNS, 0), ([], 130)])
def test_ctrl_c_is_how_it_ends(stage: Stage, tmp_path: Path, turns: list, code: int):
    stage.error, stage.turns = KeyboardInterrupt(), turns
    assert rl_demo("--residual", "residual", "--output", "run") == code
    assert (tmp_path / "run").exists() is (code == 0)


def test_without_a_residual_there_is_nothing_to_switch(stage: Stage, tmp_path: Path, capsys):
    assert rl_demo("--output", "run") == 2
    assert capsys.readouterr().err == "error: --residual DIR is missing; there is nothing to switch\n"
    (tmp_path / "residual" / "residual.json").touch()
    assert rl_demo("--residual", "nowhere", "--output", "run") == 2
    said, there = capsys.readouterr().err.split("; there is: ")
    assert said.endswith("nowhere does not exist") and "residual" in there.strip().split(", ")
    assert rl_demo("--residual", "residual", "--hardware", "emulated", "--view", "--output", "run") == 2
    assert capsys.readouterr().err == "error: --view: only with --hardware mujoco\n"
    assert not (tmp_path / "run").exists()


def test_a_graph_that_fails_is_one_line(stage: Stage, capsys):
    stage.error = UserError("residual_corrector: no")
    assert rl_demo("--residual", "residual", "--output", "run") == 2
    assert capsys.readouterr().err == "error: residual_corrector: no\n"
