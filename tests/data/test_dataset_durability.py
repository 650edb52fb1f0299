"""kill -9 at random moments of a recording: finished episodes always load, and the recording goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.torch

TIMES = 20
SCRIPT = Path(__file__).with_name("killed_recordings.py")


def test_finished_episodes_survive_kill_9(tmp_path: Path) -> None:
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(SCRIPT), str(tmp_path / "set"), str(TIMES), str(os.getpid())]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=580)
    assert done.returncode == 0, done.stderr
    *killed, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(killed) == TIMES
    for found in killed:
        assert found["told"] <= found["episodes"] <= found["told"] + 1, killed
        assert found["frames"] == 12 * found["episodes"]
    assert last["problems"] == []
    assert killed[-1]["episodes"] > 4, "episodes were finished meanwhile"
    assert last["episodes"] >= killed[-1]["episodes"]
    print(f"{TIMES} times killed, {last['episodes']} finished episodes, all of them there each time")
