"""``so-arm run`` with a stand-in for the graph, which ends as it does in life: by Ctrl-C."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from so_arm.cli import graph_rollouts, rollouts
from so_arm.cli import main as cli_main
from so_arm.cli.options import Hardware
from so_arm.core.episode import EpisodeResult
from so_arm.core.paths import share_dir
from so_arm.launcher.arguments import declared_arguments
from so_arm.launcher.environment import ros_environment

CALIBRATION = share_dir() / "calibration" / "example_follower.json"


class Stage:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.results = [EpisodeResult(7, True, 1.0, 30, None, 1.0), EpisodeResult(8, False, 0.0, 60, "dropped", 2.0)]
        self.asked: dict[str, object] = {}
        monkeypatch.setattr(graph_rollouts, "run_graph", self._graph)

    def _graph(self, wanted, log, on_episode, **given):
        self.asked = {"rollouts": wanted} | given
        for result in self.results:
            on_episode(result)
        raise KeyboardInterrupt


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stage:
    monkeypatch.setattr(cli_main, "_listen_to_signals", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    for name in ("policy", "residual"):
        Path(name).mkdir()
    Path("policy/config.json").write_text('{"input_features": {}}')
    return Stage(monkeypatch)


def run(*words: object) -> int:
    return cli_main.main(["run", *map(str, words)])


def test_ctrl_c_ends_it_with_the_rate_so_far(stage: Stage, tmp_path: Path, capsys):
    assert run("--policy", "policy", "--residual", "residual", "--seed", 7, "--output", "run", "--json", "o") == 0
    shown = capsys.readouterr().out
    assert "episode 2  seed 8  dropped" in shown and "success so far 1/2 (50%)" in shown
    report = json.loads(Path("o").read_text())
    assert report == json.loads(Path("run/report.json").read_text())
    assert report["success_rate"] == 0.5 and report["meta"]["seeds"] == [7, 8]
    assert json.loads(Path("run/config.json").read_text())["settings"]["seeds"] == [7, None]
    assert stage.asked["rollouts"].residual == tmp_path / "residual"
    assert (stage.asked["lockstep"], stage.asked["hardware"], stage.asked["more"]) == (False, Hardware.mujoco, {})


def test_ctrl_c_before_the_first_end_leaves_nothing(stage: Stage, tmp_path: Path):
    stage.results = []
    assert run("--policy", "policy", "--output", "run") == 130
    assert not (tmp_path / "run").exists()


def test_a_real_arm_is_told_where_it_is(stage: Stage, capsys):
    arm = ("--hardware", "real", "--port", "/dev/a", "--calibration", CALIBRATION)
    assert run("--policy", "policy", *arm, "--time-limit", 20, "--output", "run") == 0
    assert "so-arm call episode_manager/succeed" in capsys.readouterr().out
    more = stage.asked["more"]
    assert (more["hardware_type"], more["usb_port"], more["time_limit"]) == ("real", "/dev/a", "20.0")
    assert more["calibration_file"] == str(CALIBRATION)
    declared = declared_arguments(share_dir() / "launch" / graph_rollouts.LAUNCH_FILE, ros_environment(os.environ), {})
    assert set(more) <= {argument.name for argument in declared}


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (("--port", "/dev/a"), "--port has a meaning only with --hardware real"),
        (("--hardware", "real"), "the follower arm needs --port; `so-arm find-port` tells it"),
        (("--hardware", "real", "--port", "/dev/a"), "the follower arm needs --robot-id or --calibration"),
        (("--residual", "residual", "--no-residual"), "--no-residual: not together with --residual"),
        (("--task", "stack"), "unknown task 'stack'"),
    ],
)
def test_what_cannot_work_is_refused_before_anything_starts(stage: Stage, tmp_path: Path, capsys, words, error):
    assert run("--policy", "policy", *words, "--output", "run") == 2
    assert capsys.readouterr().err.startswith(f"error: {error}")
    assert not (tmp_path / "run").exists() and not stage.asked


def test_the_released_policy_has_the_released_residual(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rollouts, "share_dir", lambda: tmp_path)
    chosen = rollouts.chosen_residual
    assert chosen(None, None, False) is None
    released = tmp_path / "models" / "residual_pick_place"
    released.mkdir(parents=True)
    assert chosen(None, None, False) == released
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / "models" / "act_pick_place", Path("models/act_pick_place")):
        assert chosen(path, None, False) == released
    assert chosen(Path("p"), None, False) is None
    assert chosen(None, None, True) is None
    assert chosen(None, Path("r"), False) == chosen(Path("p"), Path("r"), False) == Path("r")
