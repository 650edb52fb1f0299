"""A worker process that is killed ends a command in one line, which says how a training goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from tiny_policy import tiny_policy

pytestmark = [pytest.mark.torch, pytest.mark.gl, pytest.mark.slow]

TINY = ["hidden=16", "batch_size=16", "demonstrations=0", "warmup_episodes=1", "episodes_per_round=1"]
TINY += ["critic_warmup=2", "estimator_updates=2", "updates_per_step=0.02"]
DIED = "error: a worker process died (killed, out of memory? Fewer workers take less)"


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_policy(tmp_path_factory.mktemp("base"))


def _workers(of: int) -> Iterator[int]:
    for child in Path(f"/proc/{of}/task/{of}/children").read_text().split():
        with suppress(OSError):  # gone by now, as git is that tells the revision
            if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                yield int(child)


def _killed(*words: str) -> tuple[int, str]:
    """Exit code and last words of a command one of whose workers is killed as soon as it is there."""
    with subprocess.Popen(
        [sys.executable, "-m", "so_arm.cli.main", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    ) as process:
        try:
            deadline = time.monotonic() + 300
            while not (workers := list(_workers(process.pid))):
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.05)
            os.kill(workers[0], signal.SIGKILL)
            _, said = process.communicate(timeout=300)
        finally:
            process.kill()
    return process.returncode, said


def test_training_is_saved(policy: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = ["--task", "reach", "--workers", "1", "--evaluation-episodes", "1", "--steps", "1"]
    settings = [word for setting in TINY for word in ("--set", setting)]
    code, said = _killed("rl-train", "--policy", str(policy), *words, *settings, "--output", str(run))
    assert (code, "Traceback" in said) == (2, False)
    assert said.splitlines()[-1] == f"{DIED}; saved at step 0; go on with: so-arm rl-train --resume {run}"
    assert (run / "state" / "state.json").is_file()


@pytest.mark.parametrize("verb", ["eval", "rl-eval"])
def test_judging_ends_in_one_line_and_leaves_no_folder(verb: str, policy: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    words = ["--task", "reach", "--episodes", "2", "--workers", "2", "--output", str(run)]
    code, said = _killed(verb, "--policy", str(policy), *words)
    assert (code, said.splitlines()[-1], "Traceback" in said) == (2, DIED, False)
    assert not run.exists()
