"""`so-arm rl-train` as a command, on a tiny policy: interrupted, resumed, refused."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from so_arm.cli.main import main

sys.path.insert(0, str(Path(__file__).parent))
from tiny_policy import tiny_policy

pytestmark = [pytest.mark.torch, pytest.mark.gl, pytest.mark.slow]

SMALL = {
    "hidden": 16,
    "batch_size": 16,
    "demonstrations": 1,
    "demonstration_pace": 2,
    "warmup_episodes": 1,
    "episodes_per_round": 1,
    "clone_updates": 2,
    "critic_warmup": 2,
    "estimator_updates": 2,
    "updates_per_step": 0.02,
}
WORDS = ["rl-train", "--workers", "1", "--evaluation-episodes", "1"]


@pytest.fixture(scope="module")
def policy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_policy(tmp_path_factory.mktemp("base"))


def _new(policy: Path, run: Path, *words: object) -> list[str]:
    small = [word for name, value in SMALL.items() for word in ("--set", f"{name}={value}")]
    return [*WORDS, "--policy", str(policy), "--task", "reach", "--output", str(run), *small, *map(str, words)]


def _interrupted(words: list[str], ready: Callable[[], bool]) -> str:
    """Ctrl-C, as a terminal sends it to the whole group, once `ready`; what was said on standard error."""
    process = subprocess.Popen(
        [sys.executable, "-m", "so_arm.cli.main", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        start_new_session=True,
    )
    deadline = time.monotonic() + 150
    while not ready() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    assert ready()
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130, said
    for _ in range(100):
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return said
        time.sleep(0.05)
    raise AssertionError("a process outlived the command")


def _rows(run: Path) -> list[dict]:
    path = run / "metrics.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.is_file() else []


def _hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def _refused(words: list[str], capfd: pytest.CaptureFixture[str]) -> str:
    assert main(words) == 2
    said = capfd.readouterr().err
    assert said.count("\n") == 1 and said.startswith("error: ")
    return said


def test_interrupted_resumed_and_done(policy: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    from so_arm.learning.residual.corrector import Residual

    run, before = tmp_path / "run", _hashes(policy)
    said = _interrupted(_new(policy, run, "--steps", 100_000), lambda: len(_rows(run)) >= 3)
    saved = json.loads((run / "state" / "state.json").read_text())
    assert saved["step"] >= 1 and saved["demonstrated"] == saved["disturbed"] == 1
    assert f"saved at step {saved['step']}; go on with: so-arm rl-train --resume {run}" in " ".join(said.split())
    assert "Traceback" not in said
    assert "warning: the policy was trained for pick_place, not reach" in said

    resume, steps = ["rl-train", "--resume", str(run)], str(saved["step"] + 1)
    other = _refused([*resume, "--set", "n_step=3", "--seed", "7"], capfd)
    assert "was started with other settings: seed: 7, not 0; n_step: 3, not 5" in other
    assert "leave out --output" in _refused([*resume, "--output", str(tmp_path / "b")], capfd)
    another = tmp_path / "another"
    another.mkdir()
    for path in policy.iterdir():
        (another / path.name).write_bytes(path.read_bytes())
    weights = bytearray((policy / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (another / "model.safetensors").write_bytes(weights)
    assert "is not the one that the run was started with" in _refused([*resume, "--policy", str(another)], capfd)
    experience = run / "state" / "experience.safetensors"
    whole = experience.read_bytes()
    experience.write_bytes(whole[:-5])
    assert f"{experience} is damaged" in _refused([*resume, "--steps", steps], capfd)
    experience.write_bytes(whole)

    told_before = (run / "run.json").read_bytes()
    assert f"it is at step {saved['step']} already; --steps 1 is less" in _refused([*resume, "--steps", "1"], capfd)
    assert (run / "run.json").read_bytes() == told_before

    assert main([*resume, "--steps", steps, "--json", "-"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert told["residual"] == str(run / "best") and told["step"] >= int(steps)
    best = json.loads((run / "best" / "residual.json").read_text())["training"]["selection"]
    assert (told["best_success"], told["best_step"]) == (best["eval/success"], best["judged_step"])
    origin = json.loads((run / "run.json").read_text())
    assert "--steps 100000" in origin["made_by"]["command"] and len(origin["resumed_by"]) == 1
    described = json.loads((run / "final" / "residual.json").read_text())
    assert {name: described[name] for name in ("made_by", "resumed_by")} == {
        name: origin[name] for name in ("made_by", "resumed_by")
    }
    pace = origin["pace"]
    assert (pace["workers"], pace["evaluation_episodes"], pace["evaluate_every"]) == (1, 1, 30_000)
    rows = _rows(run)
    assert [row["episodes"] for row in rows[:-1]] == list(range(1, len(rows)))
    assert [row["kind"] for row in rows[:3]] == ["demonstration", "disturbed", "exploration"]
    assert rows[-1]["kind"] == "evaluation" and rows[-1]["judged_step"] == told["step"]
    assert main([*resume, "--json", "-"]) == 0  # there is nothing left to do
    shown = capfd.readouterr()
    assert json.loads(shown.out)["best_step"] == told["best_step"] and _rows(run) == rows
    assert "it is done; it goes on with more --steps" in shown.err and "the base alone" in shown.err
    residual = Residual.load(run / "best", policy, "reach")
    assert residual.feature_size > 0
    assert _hashes(policy) == before


def test_what_cannot_be_trained_is_refused_and_makes_nothing(
    policy: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path / "run"
    monkeypatch.setitem(sys.modules, "wandb", None)
    for words, message in (
        (["rl-train"], "--policy DIR is missing"),
        (["rl-train", "--resume", str(tmp_path)], f"{tmp_path} holds no residual training run to resume"),
        (_new(tmp_path / "nowhere", run), "does not exist"),
        (_new(policy, run, "--reward", "v9"), "unknown reward 'v9'"),
        (_new(policy, run, "--reward", "file:nowhere.py"), "reward file nowhere.py cannot be read"),
        (_new(policy, run, "--task", "reech"), "unknown task 'reech'"),
        (_new(policy, run, "--bound", "0.1,0.2"), "bound has 2 values"),
        (_new(policy, run, "--set", "hiden=3"), "unknown --set 'hiden'"),
        (_new(policy, run, "--wandb", "mine"), "pip install wandb"),
    ):
        assert message in _refused(words, capfd)
    monkeypatch.setattr("so_arm.cli.gym_rollouts.env_and_policy", None)  # it is not even loaded
    assert "already holds files" in _refused(_new(policy, policy), capfd)
    assert not run.exists()
