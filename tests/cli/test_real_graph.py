"""``so-arm demo`` and ``so-arm eval --through graph`` from outside, on the real nodes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from so_arm.cli.demo import UNSEEN_SEED
from so_arm.cli.rollouts import released_policy

pytestmark = [pytest.mark.ros, pytest.mark.torch, pytest.mark.gl, pytest.mark.slow]

PATIENCE_S = 120.0


@pytest.fixture
def so_arm(tmp_path, ros_domain):
    """Starts the command line in a process of its own; all processes of the run carry a mark in their environment."""
    environment = os.environ | {
        "ROS_DOMAIN_ID": str(ros_domain),
        "OMP_NUM_THREADS": "1",
        "SO_ARM_TEST_RUN": str(tmp_path),
    }

    started: list[subprocess.Popen[str]] = []

    def start(*words: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-m", "so_arm.cli.main", *words],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:  # of a test that has failed
        if process.poll() is None:
            process.terminate()
            process.communicate(timeout=30.0)
    assert _living(tmp_path) == []


def _living(run: Path) -> list[str]:
    """Command lines of the processes of a run that still live."""
    mark, found = f"SO_ARM_TEST_RUN={run}".encode(), []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                found.append((folder / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:
            continue
    return [command for command in found if command]  # a zombie has none


def test_demo_runs_to_the_end(so_arm, tmp_path):
    process = so_arm(
        "demo", "--no-residual", "--episodes", "1", "--seed", "4", "--lockstep", "--output", "run", "--json", "-"
    )
    shown, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 0, told
    report = json.loads(shown)
    assert [episode["seed"] for episode in report["episodes"]] == [4]
    assert report["graph"]["unanswered"] == 0
    assert "graph latency" in told
    assert {"demo.mp4", "report.json", "graph.log", "config.json", "episodes"} == {
        path.name for path in (tmp_path / "run").iterdir()
    }


@pytest.mark.parametrize("hardware", [["--lockstep"], ["--hardware", "emulated"]])
def test_interrupt_in_an_episode_is_130_and_leaves_no_process(so_arm, tmp_path, hardware):
    process = so_arm("demo", "--episodes", "50", *hardware, "--output", "run", "--json", "out.json")
    log, deadline = tmp_path / "run" / "graph.log", time.monotonic() + PATIENCE_S
    while not (log.exists() and f"with seed {UNSEEN_SEED} started" in log.read_text()):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    assert len(_living(tmp_path)) > 6
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=30.0)
    assert process.returncode == 130
    assert told.strip().endswith("interrupted")
    assert not (tmp_path / "run" / "report.json").exists() and not (tmp_path / "out.json").exists()


def test_a_policy_that_does_not_fit_is_one_line_with_the_feature(so_arm, tmp_path):
    policy = tmp_path / "policy"
    shutil.copytree(released_policy(), policy)
    config = json.loads((policy / "config.json").read_text())
    config["input_features"]["observation.images.front"] = config["input_features"].pop("observation.images.wrist")
    (policy / "config.json").write_text(json.dumps(config))
    process = so_arm("eval", "--policy", "policy", "--episodes", "1", "--through", "graph", "--output", "run")
    _, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 2
    assert told.strip().count("\n") == 0
    assert told.startswith("error: ") and "act_policy" in told and "observation.images.front" in told
