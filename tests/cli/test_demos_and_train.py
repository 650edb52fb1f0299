"""`so-arm demos` and `so-arm train` as commands: interrupted, resumed, refused."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from so_arm.cli.main import main

pytestmark = [pytest.mark.torch, pytest.mark.gl]

DEMOS = ["demos", "--task", "reach", "--image-size", "32", "--workers", "1"]
TRAIN = ["train", "--batch-size", "2", "--threads", "1", "--chunk-size", "5"]


def _start(*words: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "so_arm.cli.main", *map(str, words)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, start_new_session=True
    )


def _interrupt_when(process: subprocess.Popen[str], ready: Callable[[], bool]) -> tuple[int, str, str]:
    """Ctrl-C, as a terminal sends it to the whole group, once `ready`; nothing of the group may survive."""
    deadline = time.monotonic() + 100
    while not ready() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert _gone(process.pid), "a process outlived the command"
    return process.returncode, out, err


def _gone(group: int) -> bool:
    """Whether the process group ends within some seconds (Python's resource tracker is a little late)."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Recorded in two sittings, the first of them interrupted."""
    root = tmp_path_factory.mktemp("demos") / "set"
    process = _start(*DEMOS, "--output", root, "--episodes", 1000)
    code, _, err = _interrupt_when(process, lambda: any(root.glob("**/data/*/*.parquet")))
    assert code == 130, err
    assert "the same command goes on" in err + _
    return root


def _record(root: Path) -> dict:
    return json.loads((root / "meta" / "so_arm.json").read_text())


def test_an_interrupted_recording_is_whole_and_goes_on(dataset: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = len(_record(dataset)["notes"])
    assert before >= 1
    assert _record(dataset)["complete"]
    assert main([*DEMOS, "--output", str(dataset), "--episodes", str(before + 1), "--json", "-"]) == 0
    assert json.loads(capfd.readouterr().out)["episodes"] == before + 1
    assert [note["seed"] for note in _record(dataset)["notes"]] == list(range(before + 1))
    assert main([*DEMOS, "--output", str(dataset), "--noise", "0.1"]) == 2
    assert "was recorded with noise_rad 0.0, not 0.1" in capfd.readouterr().err


def test_a_killed_worker_loses_no_episode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from so_arm.core.worker_pool import WorkerDied
    from so_arm.sim import demonstrations

    whole = demonstrations.demonstrations

    def cut_short(settings: demonstrations.DemonstrationSettings, seeds: Iterable[int], workers: int) -> Iterator[Any]:
        yield from whole(settings, itertools.islice(seeds, 2), workers)
        raise WorkerDied("a worker process was killed")

    monkeypatch.setattr(demonstrations, "demonstrations", cut_short)
    root = tmp_path / "set"
    assert main([*DEMOS, "--output", str(root), "--episodes", "5"]) == 2
    said = capfd.readouterr()
    assert "the same command goes on" in said.out and "error: a worker process was killed" in said.err
    assert [note["seed"] for note in _record(root)["notes"]] == [0, 1] and _record(root)["complete"]


def test_training_is_interrupted_and_resumed(dataset: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run = tmp_path / "run"
    process = _start(*TRAIN, "--dataset", dataset, "--output", run, "--steps", 35)
    metrics = run / "metrics.jsonl"
    code, _, err = _interrupt_when(process, lambda: metrics.is_file() and bool(metrics.read_text()))
    assert code == 130, err
    saved = json.loads((run / "state" / "trainer.json").read_text())["step"]
    assert f"saved at step {saved}; go on with: so-arm train --resume" in err
    assert (run / "policy" / "model.safetensors").is_file()
    assert main(["train", "--resume", str(run), "--threads", "1", "--json", "-"]) == 0
    assert json.loads(capfd.readouterr().out)["step"] == 35
    steps = [json.loads(line)["step"] for line in metrics.read_text().splitlines()]
    assert steps == sorted(set(steps))
    assert steps[-1] == 35
    assert sum(path.stat().st_size for path in (run / "policy").iterdir()) < 30e6


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--dataset DIR is missing"),
        (["--dataset", "nowhere"], "nowhere is not a LeRobot dataset: it has no meta/info.json"),
        (["--resume", "nowhere"], "nowhere holds no training run to resume"),
        (["--dataset", "a", "--resume", "b"], "leave out --dataset and --output"),
        (["--dataset", "a", "--steps", "1", "--minutes", "1"], "either a number of steps or a number of minutes"),
        (["--dataset", "a", "--device", "cup"], "unknown device 'cup'; choose one of: cpu, cuda. Did you mean 'cpu'?"),
        (["--dataset", "a", "--norm", "none"], "unknown backbone norm 'none'; choose one of: batch, frozen."),
    ],
)
def test_training_refuses_in_one_line(words: list[str], message: str, capfd: pytest.CaptureFixture[str]) -> None:
    assert main(["train", *words]) == 2
    err = capfd.readouterr().err
    assert message in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            ["--task", "pick_plac"],
            "unknown task 'pick_plac'; choose one of: pick_place, reach. Did you mean 'pick_place'?",
        ),
        (["--randomisation", "heavy"], "unknown randomisation 'heavy'; choose one of: full, light, none."),
        (["--episodes", "0"], "Invalid value for '--episodes'"),
    ],
)
def test_demos_refuses_in_one_line(
    words: list[str], message: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert main(["demos", "--output", str(tmp_path / "set"), *words]) == 2
    err = capfd.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert not (tmp_path / "set").exists()
