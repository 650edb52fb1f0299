"""A training run in its folder: whatever ends it, it goes on to what it would have come to."""

from __future__ import annotations

import json
import resource
import signal
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from fake_base import FEATURES, make_workplace, small_settings  # noqa: E402

from so_arm.core.errors import UserError  # noqa: E402
from so_arm.learning.residual.collector import Collector  # noqa: E402
from so_arm.learning.residual.residual_folder import load_residual  # noqa: E402
from so_arm.learning.residual.run_folder import Base, Pace, Report, load_run  # noqa: E402
from so_arm.learning.residual.trainer import ResidualTrainer  # noqa: E402
from so_arm.learning.residual.training import ResidualRun  # noqa: E402

pytestmark = pytest.mark.torch
SETTINGS = small_settings(steps=800, warmup_episodes=4)
PACE = Pace(workers=1, evaluate_every=400, evaluation_episodes=2)
FAILING = """
from pathlib import Path
calls = 0
def compute_reward(state):
    global calls
    calls += 1
    return 1 / (calls < 820 or not Path({flag!r}).exists())
"""


def _run(folder: Path, reward: Path) -> ResidualRun:
    return ResidualRun(
        folder, SETTINGS, Base("base", "hash", FEATURES), partial(make_workplace, reward=f"file:{reward}"), PACE
    )


def _nothing(_: Report) -> None:
    pass


def _state(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "state").iterdir()}


@pytest.fixture
def disk() -> Callable[[bool], None]:
    """Makes it full: a file that may not grow fails as one on a full disk does."""
    limits, action = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    yield lambda full: resource.setrlimit(resource.RLIMIT_FSIZE, (100 if full else limits[0], limits[1]))
    resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    signal.signal(signal.SIGXFSZ, action)


def test_whatever_ends_a_run_it_goes_on(tmp_path: Path, disk: Callable[[bool], None]) -> None:
    """A reward file fails in mid-training, then the disk is full, then it comes to its end."""
    reward, flag, folder = tmp_path / "reward.py", tmp_path / "flag", tmp_path / "run"
    flag.touch()
    reward.write_text(FAILING.format(flag=str(flag)))
    with pytest.raises(UserError, match=f"reward file {reward}, line 7: ZeroDivisionError"):
        _run(folder, reward).run(_nothing)
    lines = (folder / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["kind"] for line in lines] == ["disturbed", "exploration"]
    saved = _state(folder)
    load_residual(folder / "final")

    flag.unlink()
    run = _run(folder, reward)
    run.resume()
    with pytest.raises(UserError, match="cannot write"):
        run.run(lambda _: disk(True))
    disk(False)
    assert _state(folder) == saved

    run = _run(folder, reward)
    run.resume()
    reports: list[Report] = []
    assert run.run(reports.append) == folder / "best"
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert [row["episodes"] for row in rows[:-1]] == list(range(4, 4 * len(rows), 4))
    assert rows[-1]["kind"] == "evaluation" and rows[-1]["step"] == reports[-1].step >= 800
    assert [row["eval/base_success"] for row in rows if "eval/base_success" in row] == [reports[-1].base_success]
    judged = [row["judged_step"] for row in rows if "eval/success" in row]
    assert judged[0] == 0 and judged[-1] == rows[-1]["step"] and len(judged) >= 3
    assert list((folder / "tensorboard").glob("events*"))

    whole, collect = ResidualTrainer(SETTINGS, FEATURES), Collector(make_workplace(reward=f"file:{reward}"), SETTINGS)
    while not whole.finished:
        order = whole.next_order()
        whole.learn()
        whole.take(collect(order), order.kind)
        whole.prepare()
    whole.save(tmp_path / "whole" / "state")
    in_one_go, state = _state(tmp_path / "whole"), _state(folder)
    assert all(state[name] == in_one_go[name] for name in ("networks.safetensors", "experience.safetensors"))
    final = load_residual(folder / "final", task="reach")
    for name, array in whole.weights()[0].items():
        assert (final.actor.state_dict()[name].numpy() == array).all()
    training = load_residual(folder / "best").description["training"]
    selection = training["selection"]
    assert training["step"] == selection["judged_step"] == reports[-1].best_step
    assert selection["eval/success"] == max(row.get("eval/success", 0.0) for row in rows)


def test_a_run_stopped_in_its_preparation_goes_on_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from so_arm.learning.residual import training

    (tmp_path / "reward.py").write_text("def compute_reward(state):\n    return 0.0\n")
    clock = count(0.0, 2.0)
    monkeypatch.setattr(training, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    folder, shares = tmp_path / "run", []

    def interrupt(report: Report) -> None:
        if report.phase == "preparing":
            shares.append(report.progress)
            if len(shares) == 3:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        _run(folder, tmp_path / "reward.py").run(interrupt)
    assert 0.0 < shares[0] < shares[1] < shares[2] < 1.0
    run = _run(folder, tmp_path / "reward.py")
    run.resume()
    assert run.trainer.preparation_due and run.trainer.seconds > 0.0
    run.run(_nothing)
    whole = _run(tmp_path / "whole", tmp_path / "reward.py")
    whole.run(_nothing)
    state, in_one_go = _state(folder), _state(tmp_path / "whole")
    assert all(state[name] == in_one_go[name] for name in ("networks.safetensors", "experience.safetensors"))


def test_weights_and_biases_gets_what_tensorboard_gets(tmp_path: Path, wandb: Any) -> None:
    """In one run, although the training is interrupted and gone on with."""
    pace, base = replace(PACE, wandb="mine"), Base("base", "hash", FEATURES)
    whole = replace(SETTINGS, steps=100)

    def interrupt(report: Report) -> None:
        if report.step:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ResidualRun(tmp_path, whole, base, make_workplace, pace).run(interrupt)
    told = load_run(tmp_path)[1]
    run = ResidualRun(tmp_path, whole, Base(**told["base"]), make_workplace, Pace(**told["pace"]))
    run.resume()
    run.run(_nothing)
    first, second = wandb.RUNS
    assert first.options["id"] == second.options["id"] and first.options["config"] == whole.to_dict()
    assert (first.exit_code, second.exit_code) == (1, 0)
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    after = [row for row in rows if row["kind"] in ("exploration", "evaluation")]
    shown = [{name: value for name, value in row.items() if "/" in name or name == "step"} for row in after]
    assert first.rows + second.rows == shown and "eval/success" in shown[-1]


def test_half_a_line_of_metrics_is_dropped(tmp_path: Path) -> None:
    """As a program that was killed leaves it."""
    run = ResidualRun(tmp_path, SETTINGS, Base("base", "hash", FEATURES), make_workplace, PACE)
    run.trainer.save(tmp_path / "state")
    whole = json.dumps({"step": 0, "episodes": 0, "kind": "disturbed"}) + "\n"
    later = json.dumps({"step": 9, "episodes": 4, "kind": "disturbed"}) + "\n"
    (tmp_path / "metrics.jsonl").write_text(whole + later + '{"step": 1')
    run.resume()
    assert (tmp_path / "metrics.jsonl").read_text() == whole


def test_a_folder_that_holds_no_run(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=f"{tmp_path} holds no residual training run to resume"):
        load_run(tmp_path)
    short = replace(SETTINGS, steps=1)
    run = ResidualRun(tmp_path, short, Base("base", "hash", FEATURES), make_workplace, PACE)
    with pytest.raises(UserError, match=f"{tmp_path} holds no saved state"):
        run.resume()
    run.run(_nothing)
    assert load_run(tmp_path)[0] == short
    whole = json.loads((tmp_path / "run.json").read_text())
    damaged = ({"base": None}, {"pace": {"a": 1}}, {"made_by": "me"}, {"resumed_by": None})
    for told in ({}, {"settings": whole["settings"]}, *(whole | part for part in damaged)):
        (tmp_path / "run.json").write_text(json.dumps(told))
        with pytest.raises(UserError, match=r"run\.json is damaged"):
            load_run(tmp_path)


def test_the_learner_has_the_threads_that_the_run_was_started_with(tmp_path: Path) -> None:
    before, counts = torch.get_num_threads(), []
    pace = replace(PACE, learner_threads=2)
    run = ResidualRun(tmp_path, replace(SETTINGS, steps=1), Base("base", "hash", FEATURES), make_workplace, pace)
    run.run(lambda report: counts.append(torch.get_num_threads()))
    assert set(counts) == {2} and torch.get_num_threads() == before
    assert load_run(tmp_path)[1]["pace"]["learner_threads"] == 2


def test_once_known_the_time_left_is_told_while_it_learns_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from so_arm.learning.residual import training

    (tmp_path / "reward.py").write_text("def compute_reward(state):\n    return 0.0\n")
    clock = count(0.0, 2.0)
    monkeypatch.setattr(training, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    reports: list[Report] = []
    _run(tmp_path / "run", tmp_path / "reward.py").run(reports.append)
    known = [report.remaining_s is not None for report in reports]
    assert len({report.updates for report in reports}) > 10  # also within a round
    assert known == sorted(known) and known[-1]
    assert next(report.step for report in reports if report.remaining_s is not None) == 0  # before exploration


def test_one_process_at_a_time_writes_to_a_run(tmp_path: Path) -> None:
    """The second one would go on from an older state and drop what the first has done."""
    (tmp_path / "reward.py").write_text("def compute_reward(state):\n    return 0.0\n")
    folder = tmp_path / "run"
    first = _run(folder, tmp_path / "reward.py")
    with pytest.raises(UserError, match=f"{folder} is being written by another process"):
        _run(folder, tmp_path / "reward.py")
    first.run(_nothing)
    _run(folder, tmp_path / "reward.py").resume()
