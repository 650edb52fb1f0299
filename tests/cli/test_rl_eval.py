"""``so-arm rl-eval`` with a stand-in for policy, scene and residual, and once with the released policy."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

from so_arm.cli import main as cli_main
from so_arm.cli import residual_rollouts
from so_arm.cli.residual_rollouts import PairedSetup, Parts
from so_arm.core.errors import UserError

sys.path.insert(0, str(Path(__file__).parents[1] / "learning"))
import fake_scenes
from fake_scenes import BOUND, FakeScene, MoreGripper


def drawn(task, snapshots, size, cameras, **_):
    """Pictures as grey as their tick."""
    yield from ((np.full((*size, 3), int(snapshot[0]), np.uint8),) * len(cameras) for snapshot in snapshots)


@pytest.fixture
def so_arm(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Runs the command line in this process, in a folder that has a policy and a residual."""
    for name in ("policy", "residual"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text('{"input_features": {}}')
    monkeypatch.setattr(cli_main, "_listen_to_signals", lambda *_: None)
    monkeypatch.setattr(PairedSetup, "residual", lambda self: (MoreGripper(), BOUND))
    monkeypatch.setattr(
        PairedSetup, "parts", lambda self: Parts(FakeScene(), fake_scenes.FakePolicy(), *self.residual())
    )
    monkeypatch.setattr("so_arm.sim.replay_render.render_frames", drawn)
    monkeypatch.chdir(tmp_path)
    return lambda *words: cli_main.main(
        ["rl-eval", "--policy", "policy", "--residual", "residual", "--workers", "1", *map(str, words)]
    )


def test_report_page_and_table(so_arm, tmp_path, capsys):
    """Of the seeds 16 to 23 the base succeeds on the even ones; the residual on all that 8 does not divide."""
    assert so_arm("--episodes", 8, "--seed", 16, "--delay", 3, "--json", "a.json", "-o", "run") == 0
    report = json.loads(Path("a.json").read_text())
    assert json.loads(Path("run/report.json").read_text()) == report
    assert {path.name for path in Path("run").iterdir()} == {"config.json", "report.json", "report.html"}
    assert (report["base"]["success_rate"], report["residual"]["success_rate"]) == (0.5, 7 / 8)
    assert (report["fixed"], report["broken"]) == ([17, 19, 21, 23], [16])
    assert report["failure_ratio"] == 0.25
    assert report["success_difference"] == 3 / 8
    assert report["mcnemar_p"] == 2 * 6 / 32
    assert report["length_ratio_of_both"] == pytest.approx(20 / np.mean([30 + seed % 7 for seed in (18, 20, 22)]))
    assert report["safety"]["kept"] and report["residual_use"]["bound"] == BOUND.tolist()
    assert [row["delay_ticks"] for row in report["delays"]] == [0, 3]
    assert report["meta"]["residual"] == "residual" and report["meta"]["command"].startswith("so-arm")
    page = Path("run/report.html").read_text()
    assert page.count("<video") == 3 + 1
    assert "Policy latency" in page
    shown = capsys.readouterr().out
    assert "87.5 (53 to 98)" in shown and "4 / 1   (McNemar p 0.38)" in shown and "kept; largest residual" in shown
    assert max(len(line) for line in shown.splitlines()) <= 80
    assert "rows: how the base ended; columns: how the same seeds ended with the residual" in " ".join(shown.split())
    assert " ".join(report["advice"].split()) in " ".join(shown.split())


def test_the_same_report_each_time(so_arm):
    for name in ("a", "b"):
        assert so_arm("--episodes", 3, "--seed", 16, "--json", f"{name}.json", "-o", name) == 0
    first, second = (json.loads(Path(f"{name}.json").read_text()) for name in ("a", "b"))
    for report in (first, second):
        for part in (report, report["base"], report["residual"]):
            for key in ("command", "date"):
                del part["meta"][key]
    assert first == second


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--bound", "much"], "--bound much: expected one number or six with commas"),
        (["--delay", "6"], "'--delay'"),
        (["--residual", "nowhere"], "--residual"),
        (["--task", "pick_plaice"], "unknown task 'pick_plaice'"),
        (["--output", "policy"], "policy already holds files"),
    ],
)
def test_bad_input_is_one_line_and_makes_nothing(so_arm, tmp_path, capsys, words, message):
    before = sorted(tmp_path.rglob("*"))
    assert so_arm("--episodes", 1, *words) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and message in error
    assert sorted(tmp_path.rglob("*")) == before


def test_an_interrupt_leaves_nothing(so_arm, capsys, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(residual_rollouts, "run_one", interrupted)
    assert so_arm("--episodes", 2, "-o", "run") == 130
    assert not Path("run").exists()


def test_pictures_that_cannot_be_drawn_cost_no_result(so_arm, capsys, monkeypatch):
    def refused(*_, **__):
        raise UserError("no OpenGL for rendering")

    monkeypatch.setattr("so_arm.sim.replay_render.render_frames", refused)
    assert so_arm("--episodes", 2, "--seed", 16, "--json", "a.json", "-o", "run") == 2
    assert json.loads(Path("a.json").read_text()) == json.loads(Path("run/report.json").read_text())


@pytest.mark.torch
@pytest.mark.gl
def test_the_zero_residual_is_the_base(tmp_path, capsys, monkeypatch):
    """The released policy knows nothing of `reach`, so it fails; without a residual and with the zero one alike."""
    from so_arm.cli.rollouts import released_policy

    monkeypatch.setattr(cli_main, "_listen_to_signals", lambda *_: None)
    words = ["--policy", str(released_policy()), "--task", "reach", "--episodes", "1", "--workers", "1"]
    assert cli_main.main(["rl-eval", *words, "--json", str(tmp_path / "a.json"), "-o", str(tmp_path / "run")]) == 0
    report = json.loads((tmp_path / "a.json").read_text())
    assert report["base"]["episodes"] == report["residual"]["episodes"]
    assert (report["failure_ratio"], report["mcnemar_p"], report["smoothness_rad_s2"]["ratio"]) == (1.0, 1.0, 1.0)
    assert report["residual_use"]["bound"] == [0.0] * 6 and report["where"]["yaw"] is None
    assert report["safety"]["kept"]
