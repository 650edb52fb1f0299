"""The residual that comes with the package fits the policy that comes with it."""

from __future__ import annotations

import json

import numpy as np
import pytest

from so_arm.core.paths import share_dir

pytestmark = pytest.mark.torch

MODELS = share_dir() / "models"
LARGEST_MB = 10


def test_it_is_one_for_the_released_policy() -> None:
    from so_arm.learning.residual.corrector import Residual

    residual = Residual.load(MODELS / "residual_pick_place", MODELS / "act_pick_place", "pick_place")
    assert (residual.bound > 0.0).all() and (residual.bound <= 0.3).all()


def test_it_is_small() -> None:
    size = sum(path.stat().st_size for path in (MODELS / "residual_pick_place").iterdir())
    assert size <= LARGEST_MB * 1e6


def test_its_card_says_what_its_evaluation_says() -> None:
    card = (MODELS / "residual_pick_place" / "README.md").read_text(encoding="utf-8")
    report = json.loads((MODELS / "residual_pick_place" / "eval.json").read_text(encoding="utf-8"))
    for side in ("base", "residual"):
        assert f"{report[side]['success_rate']:.1%}".replace("%", " %") in card
        assert np.mean([row["success"] for row in report[side]["episodes"]]) == report[side]["success_rate"]
    assert f"{report['failure_ratio']:.2f}" in card and f"{report['length_ratio']:.2f}" in card
    assert report["safety"]["kept"] is True
