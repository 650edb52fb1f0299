"""``so-arm replay`` with a stand-in for the node graph, and once with the real one on an emulated arm."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import numpy as np
import pytest
from tests.data.episodes import write_dataset

from so_arm.cli import graph_process
from so_arm.cli import main as cli_main
from so_arm.cli import replay as replay_verb
from so_arm.core.paths import share_dir
from so_arm.core.units import old_lerobot_from_rad
from so_arm.launcher.arguments import declared_arguments

TIMES = np.arange(90) / 30
ACTION = np.array([0.1, -0.9, 0.7, 1.2, -0.6, 0.3]) + 0.3 * np.sin(2 * TIMES)[:, None]
LATE = np.array([0.1, -0.9, 0.7, 1.2, -0.6, 0.3]) + 0.3 * np.sin(2 * np.maximum(TIMES - 0.1, 0))[:, None]


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    return write_dataset(tmp_path / "set", [(old_lerobot_from_rad(ACTION), old_lerobot_from_rad(LATE))])


@pytest.fixture
def replay(dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs ``so-arm replay`` in this process; `replay.given`: what the graph was started with, None without one."""

    class Graph:
        def step(self) -> bool:
            return False

    @contextlib.contextmanager
    def fake(launch_file, arguments, scratch, output):
        run.given = arguments
        if measured is not None:
            Path(arguments["results_file"]).write_text(json.dumps({"measured_rad": measured.tolist()}))
        yield Graph()

    measured: np.ndarray | None = None

    def run(*words: object, moved: np.ndarray | None = LATE) -> int:
        nonlocal measured
        measured = moved
        return cli_main.main(["replay", *map(str, words)])

    run.given = None
    monkeypatch.setattr(cli_main, "_listen_to_signals", lambda *_: None)
    monkeypatch.setattr(graph_process, "running_graph", fake)
    monkeypatch.chdir(tmp_path)
    return run


def test_report_and_table(replay, dataset, capsys):
    sagging = LATE - np.radians([0, 2, 0, 0, 0, 0])
    assert replay(dataset, "-o", "run", "--json", "out.json", moved=sagging) == 0
    report = json.loads(Path("out.json").read_text())
    assert report == json.loads(Path("run/report.json").read_text())
    assert report["units"] == "old-degrees"
    assert report["lag_ms"] == pytest.approx(100, abs=5)
    assert report["recorded_lag_ms"] == pytest.approx(100, abs=5)
    assert report["difference_deg"]["shoulder_lift"] == pytest.approx(2, abs=0.01)
    assert report["difference_deg"]["elbow_flex"] == pytest.approx(0, abs=0.01)
    assert report["rms_after_lag_deg"]["elbow_flex"] < 0.3 < report["rms_deg"]["elbow_flex"]
    shown = capsys.readouterr().out
    assert "shoulder_lift" in shown
    assert "of the recorded arm 100 ms" in shown


def test_what_the_graph_is_started_with(replay, dataset):
    assert replay(dataset, "-o", "run") == 0
    file = share_dir() / "launch" / replay_verb.LAUNCH_FILE
    declared = declared_arguments(file, {}, replay.given)
    assert replay.given.keys() <= {argument.name for argument in declared}
    assert replay.given["hardware_type"] == "emulated"
    assert replay.given["fps"] == "30"


def test_a_real_arm(replay, dataset):
    words = ("--hardware", "real", "--port", "/dev/ttyACM3", "--robot-id", "mine", "-o", "run")
    assert replay(dataset, *words) == 0
    assert replay.given["usb_port"] == "/dev/ttyACM3"
    assert replay.given["robot_id"] == "mine"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--episode", 7], "episode 0 only"),
        (["--units", "degrees"], "but in units 'degrees'"),
        (["--units", "radians"], "but in units 'radians'"),
        (["--hardware", "real"], "needs --port"),
        (["--hardware", "real", "--port", "/dev/ttyACM0"], "needs --robot-id or --calibration"),
        (["--output", "/proc/x"], "cannot write /proc/x/config.json: "),
        (["--json", "/proc/x"], "cannot write to /proc"),
        (["--port", "/dev/ttyACM0"], "--port: only with --hardware real"),
        (["--units", "range", "--calibration", "none.json"], "none.json"),
    ],
)
def test_refusals_are_one_line_before_anything_starts(replay, dataset, capsys, words, said):
    assert replay(dataset, *words) == 2
    errors = capsys.readouterr().err.strip()
    assert said in errors
    assert "\n" not in errors
    assert replay.given is None
    assert not Path("runs").exists()


def test_a_graph_that_ends_early_is_told_of(replay, dataset, capsys):
    assert replay(dataset, "-o", "run", moved=None) == 2
    assert "came to no end" in capsys.readouterr().err


@pytest.mark.ros
@pytest.mark.slow
def test_on_an_emulated_arm(dataset, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(cli_main, "_listen_to_signals", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    assert cli_main.main(["replay", str(dataset), "--json", "out.json"]) == 0
    report = json.loads(Path("out.json").read_text())
    # It moved as it was told, whatever else the machine was doing.
    assert max(report["rms_deg"].values()) < 25
    assert report["frames"] == len(ACTION)
