"""Every benchmark runs to its end and says what it has to; whether it meets its target is not for a busy machine."""

import json
import subprocess
import sys

import pytest

from so_arm.core.paths import share_dir

NAMES = sorted(path.stem for path in (share_dir() / "benchmarks").glob("*.py"))
NEEDS = {"act": [pytest.mark.torch], "graph": [pytest.mark.ros], "images": [pytest.mark.ros, pytest.mark.torch]}


def test_all_of_them_are_here():
    assert NAMES == ["act", "graph", "images", "physics"]


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
def test_committed_result_meets_its_target(name):
    result = json.loads((share_dir() / "benchmarks" / "results" / f"{name}.json").read_text())
    assert result["passed"] is True
    assert result["quick"] is False
    assert result["machine"] and result["date"] and result["command"]
