"""Every benchmark runs to its end and says what it has to; whether it meets its target is not for a busy machine."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.data.episodes import REAL

from so_arm.core.paths import share_dir

NAMES = sorted(path.stem for path in (share_dir() / "benchmarks").glob("*.py"))
OPEN = {"rl"}  # the target is not reached
PAGE = share_dir() / "docs" / "benchmarks.md"
NEEDS = {
    "act": [pytest.mark.torch],
    "driver": [pytest.mark.ros],
    "fidelity": [pytest.mark.skipif(not REAL.is_dir(), reason="the recorded data are not beside the checkout")],
    "graph": [pytest.mark.ros],
    "images": [pytest.mark.ros, pytest.mark.torch],
    "record": [pytest.mark.ros, pytest.mark.torch],
    "replay_eval": [pytest.mark.torch],
    "rl": [pytest.mark.torch],
    "servo": [pytest.mark.torch],
}


def test_all_of_them_are_here():
    names = "act bag driver fidelity graph images physics record replay_eval rl servo"
    assert names.split() == NAMES


@pytest.mark.slow
@pytest.mark.parametrize("name", [pytest.param(name, marks=NEEDS.get(name, [])) for name in NAMES])
def test_quick_run(name, tmp_path):
    target = tmp_path / f"{name}.json"
    command = [sys.executable, "-m", "so_arm.cli.main", "bench", name, "--quick", "--json", str(target)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode in (0, 1), done.stderr
    result = json.loads(target.read_text())
    assert result["name"] == name
    assert {"ratio", "target", "passed", "machine", "date", "command"} <= result.keys()
    assert result["passed"] == (done.returncode == 0)


@pytest.mark.parametrize("name", NAMES)
def test_committed_result_meets_its_target_or_the_docs_say_that_it_does_not(name):
    result = json.loads((share_dir() / "benchmarks" / "results" / f"{name}.json").read_text())
    assert result["passed"] is (name not in OPEN)
    row = next(line for line in PAGE.read_text().splitlines() if line.startswith(f"| `{name}` |"))
    assert ("not reached" in row) is (name in OPEN)
    assert result["quick"] is False
    assert result["machine"] and result["date"] and result["command"]


def _mark_of(run: str) -> list[str]:
    """Processes that carry the mark of `run` in their environment and are no zombies."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            marked = f"SO_ARM_TEST_RUN={run}".encode() in (folder / "environ").read_bytes()
            command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if marked and command:
            found.append(command)
    return found


@pytest.mark.ros
@pytest.mark.slow
def test_interrupt_is_130_and_leaves_no_process(tmp_path):
    environment = os.environ | {"SO_ARM_TEST_RUN": str(tmp_path)}
    command = [sys.executable, "-m", "so_arm.cli.main", "bench", "graph", "--quick"]
    bench = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    try:
        deadline = time.monotonic() + 60
        while len(_mark_of(str(tmp_path))) < 5:  # itself, two nodes, two relays
            assert bench.poll() is None and time.monotonic() < deadline
            time.sleep(0.1)
        bench.send_signal(signal.SIGINT)
        _, told = bench.communicate(timeout=60)
    finally:
        bench.kill()
    assert bench.returncode == 130
    assert "Traceback" not in told
    assert _mark_of(str(tmp_path)) == []
