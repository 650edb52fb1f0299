"""Training: it learns, it resumes exactly, and what it saves is a plain LeRobot policy."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest
from tiny import tiny_arrays, tiny_settings

from so_arm.core.errors import UserError

pytestmark = pytest.mark.torch


def _run(folder: Path, settings, **options):
    from so_arm.learning.act.train import TrainingRun

    folder.mkdir(exist_ok=True)
    return TrainingRun(folder, Path("dataset"), tiny_arrays(), settings, **options)


def test_it_learns_two_episodes_by_heart(tmp_path: Path) -> None:
    losses = []
    _run(tmp_path / "run", tiny_settings(steps=80)).run(lambda report: losses.append(report.loss))
    assert losses[-1] < 0.35 * losses[0]
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [20, 40, 60, 80]
    assert list((tmp_path / "run" / "tensorboard").iterdir())


def test_plain_lerobot_loads_what_is_saved(tmp_path: Path) -> None:
    import torch
    from lerobot.policies.act.modeling_act import ACTPolicy

    run = _run(tmp_path / "run", tiny_settings())
    folder = run.run(lambda report: None)
    weights = run.trainer.averaged_weights()
    loaded = ACTPolicy.from_pretrained(folder, strict=True).state_dict()
    assert loaded.keys() == weights.keys()
    for name, value in loaded.items():
        assert torch.allclose(value, weights[name], rtol=1e-3, atol=1e-4), name
    metadata = json.loads((folder / "so_arm.json").read_text())
    assert metadata["training"]["seeds"] == [5, 7]
    assert metadata["cameras"] == {"static": {"height": 32, "width": 32}, "wrist": {"height": 32, "width": 32}}
    assert metadata["units"] == {"body": "degree", "gripper": "0..100"}
    assert not list(folder.parent.glob(".*")), "no temporary folders stay"


@pytest.mark.parametrize("replicas", [1, 2])
def test_a_resumed_run_equals_an_unbroken_one(tmp_path: Path, replicas: int) -> None:
    import torch

    settings = tiny_settings(steps=6)
    unbroken = _run(tmp_path / "unbroken", settings, replicas=replicas)
    unbroken.run(lambda report: None)

    broken = _run(tmp_path / "broken", settings, replicas=replicas)
    source = broken._batches
    ask = source.batch

    def interrupt(step: int, share: int = 0, shares: int = 1):
        if step == 3:
            raise KeyboardInterrupt
        return ask(step, share, shares)

    source.batch = interrupt
    with pytest.raises(KeyboardInterrupt):
        broken.run(lambda report: None)
    resumed = _run(tmp_path / "broken", settings, replicas=replicas)
    resumed.resume()
    assert resumed.trainer.step == 3
    resumed.run(lambda report: None)
    for name, value in unbroken.trainer.averaged_weights().items():
        assert torch.equal(value, resumed.trainer.averaged_weights()[name]), name


def test_replicas_give_the_gradient_of_the_whole_batch() -> None:
    import torch

    from so_arm.learning.act.replicas import Replicas

    torch.manual_seed(0)
    inputs = torch.randn(8, 3)
    gradients = []
    for count in (1, 2):
        torch.manual_seed(1)
        model = torch.nn.Linear(3, 2)
        replicas = Replicas(model, count)
        loss = replicas.gradients(lambda net, share, n=count: net(inputs[share::n]).square().mean())
        gradients.append((loss, model.weight.grad.clone()))
        replicas.close()
    assert gradients[0][0] == pytest.approx(gradients[1][0])
    assert torch.allclose(gradients[0][1], gradients[1][1], atol=1e-6)


def test_a_run_leaves_no_threads(tmp_path: Path) -> None:
    _run(tmp_path / "run", tiny_settings(steps=1), replicas=2).run(lambda report: None)
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("replica")]


def test_the_learning_rate_rises_and_falls(tmp_path: Path) -> None:
    trainer = _run(tmp_path / "run", tiny_settings(steps=100, warmup_fraction=0.1)).trainer
    rates = []
    for step in range(101):
        trainer.step = step
        rates.append(trainer.learning_rate())
    assert max(rates) == rates[10] == pytest.approx(1e-3)
    assert rates[0] < 1e-4
    assert rates[-1] == pytest.approx(0, abs=1e-9)


def test_wrong_settings_are_refused() -> None:
    for changes, message in (
        ({"steps": None}, "either a number of steps or a number of minutes"),
        ({"minutes": 3.0}, "either a number of steps or a number of minutes"),
        ({"backbone_norm": "bach"}, "unknown backbone norm 'bach'.*Did you mean 'batch'"),
        ({"precision": "fp8"}, "unknown precision 'fp8'"),
        ({"batch_size": 0}, "batch_size is 0"),
    ):
        with pytest.raises(UserError, match=message):
            tiny_settings(**changes)


def test_a_folder_without_a_run_cannot_be_resumed(tmp_path: Path) -> None:
    from so_arm.learning.act.train import load_run

    with pytest.raises(UserError, match="holds no training run to resume"):
        load_run(tmp_path)
    with pytest.raises(UserError, match="holds no training state"):
        _run(tmp_path, tiny_settings()).resume()
