"""Weights & Biases gets the metrics of one run in one run of its own; without its package nothing begins."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from so_arm.core.errors import UserError
from so_arm.learning.weights_and_biases import WandbRun, check_wandb


def test_a_folder_that_is_gone_on_with_is_the_same_run(wandb: Any, tmp_path: Path) -> None:
    for project, step in (("mine", 0), ("mine", 10), ("another", 20)):
        with WandbRun(tmp_path, project, {"hidden": 16}) as sink:
            sink.add_scalars({"train/success": 0.5, "losses/critic": 1.0}, step)
            sink.add_scalars({"train/success": 0.75}, step)
    first, second, third = wandb.RUNS
    assert first.options["id"] == second.options["id"] != third.options["id"]
    assert [run.options["project"] for run in wandb.RUNS] == ["mine", "mine", "another"]
    assert first.options["dir"] == tmp_path and first.options["config"] == {"hidden": 16}
    assert second.rows == [
        {"train/success": 0.5, "losses/critic": 1.0, "step": 10},
        {"train/success": 0.75, "step": 10},
    ]
    assert (second.step_metric, second.exit_code) == ("step", 0)


def test_a_run_that_failed_is_told_as_one(wandb: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="as it happens"), WandbRun(tmp_path, "mine", {}):
        raise UserError("as it happens")
    assert wandb.RUNS[0].exit_code == 1


def test_a_connection_that_is_lost_is_one_line(wandb: Any, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^Weights & Biases: Connection lost$"), WandbRun(tmp_path, "mine", {}) as sink:
        wandb.RUNS[0].gone = True
        sink.add_scalars({"train/success": 0.5}, 0)


def test_what_wandb_refuses_is_one_line(wandb: Any) -> None:
    check_wandb("mine")
    with pytest.raises(UserError, match=r"^Weights & Biases: Invalid project name 'a/b'$"):
        check_wandb("a/b")


def test_without_the_package_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    message = r"^Weights & Biases cannot be used \(.*\); install it with: pip install wandb$"
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(UserError, match=message):
        check_wandb("mine")
    monkeypatch.delitem(sys.modules, "wandb")
    (tmp_path / "wandb").mkdir()  # as W&B makes it, in the folder that Python is started in
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(UserError, match=message):
        check_wandb("mine")
    del sys.modules["wandb"]
