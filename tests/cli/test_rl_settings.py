"""Settings of a residual training run, as they are typed."""

from __future__ import annotations

import pytest

from so_arm.cli.rl_settings import asked_settings
from so_arm.core.errors import UserError

pytestmark = pytest.mark.torch


def test_only_what_was_asked_for() -> None:
    assert asked_settings({"task": "reach", "seed": None, "steps": 0}, []) == {"task": "reach", "steps": 0}
    typed = ["n_step=3", "discount=0.9", "pair=false", "precision=fp32", "layer_norm=true"]
    assert asked_settings({"bound": "0.2"}, typed) == {
        "bound": (0.2,),
        "n_step": 3,
        "discount": 0.9,
        "pair": False,
        "precision": "fp32",
        "layer_norm": True,
    }
    assert asked_settings({"bound": "0.1, 0.2,0.3,0.4,0.5,0.6"}, [])["bound"] == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)


@pytest.mark.parametrize(
    ("options", "typed", "message"),
    [
        ({}, "n_step", r"--set n_step: expected NAME=VALUE"),
        ({}, "n_stop=3", r"unknown --set 'n_stop'; choose one of: .*\. Did you mean 'n_step'\?"),
        ({}, "bound=0.2", r"unknown --set 'bound'"),
        ({}, "n_step=three", r"--set n_step=three: expected a whole number"),
        ({}, "n_step=1.5", r"--set n_step=1.5: expected a whole number"),
        ({}, "discount=much", r"--set discount=much: expected a number"),
        ({}, "pair=yes", r"unknown --set pair 'yes'; choose one of: "),
        ({"seed": None}, "seed=500", r"--set seed: it has an option of its own, --seed"),
        ({"bound": "wide"}, "n_step=3", r"--bound wide: expected one number or six with commas"),
        ({"bound": "0.1,"}, "n_step=3", r"--bound 0.1,: expected one number or six with commas"),
    ],
)
def test_what_cannot_be_read_is_named(options: dict[str, str], typed: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        asked_settings(options, [typed])


def _settings(**changes: object):
    from so_arm.learning.residual.settings import ResidualSettings

    return ResidualSettings(**changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"bound": (0.1, 0.2)}, r"bound has 2 values, expected 1 or 6: shoulder_pan"),
        ({"bound": 0.0}, r"bound of shoulder_pan is 0.0, expected more than 0.0 and at most 1.0"),
        ({"bound": (0.1, 0.1, 0.1, 0.1, 0.1, 1.1)}, r"bound of gripper is 1.1"),
        ({"bound": float("nan")}, r"bound of shoulder_pan is nan"),
        ({"bound": "wide"}, r"bound is 'wide', expected numbers"),
        ({"algo": "sac", "updates_per_step": 0.0}, r"updates_per_step is 0, expected more for algo sac"),
        (
            {"algo": "sac", "updates_per_step": 0.3333},
            r"updates_per_step is 0.3333, .*; nearest: 0.33 and",
        ),
        ({"algo": "sac", "exploration_noise": 0.0}, r"exploration_noise is 0, expected more for algo sac"),
        ({"steps": 0}, r"steps is 0, expected at least 1"),
        ({"latency_ticks": -1}, r"latency_ticks is -1, expected a number from 0 on"),
        ({"actor_learning_rate": float("nan")}, r"actor_learning_rate is nan, expected a number from 0 on"),
        ({"shaping": float("inf")}, r"shaping is inf"),
        ({"discount": 1.01}, r"discount is 1.01, expected 0.0 to 1.0"),
        ({"precision": "fp8"}, r"unknown precision 'fp8'; choose one of"),
        ({"batch_size": 2.0}, r"batch_size is 2.0, expected a whole number"),
        ({"pair": 1}, r"pair is 1, expected true or false"),
        ({"task": None}, r"task is None, expected a text"),
    ],
)
def test_what_cannot_be_is_named(changes: dict[str, object], message: str) -> None:
    with pytest.raises(UserError, match=message):
        _settings(**changes)


def test_settings_are_written_and_compared() -> None:
    settings = _settings(bound=0.2, n_step=3)
    assert settings.from_dict(settings.to_dict()) == settings
    assert settings.differences(settings) == []
    assert settings.differences(_settings(bound=0.2, seed=4)) == ["seed: 0, not 4", "n_step: 3, not 5"]
    with pytest.raises(UserError, match="residual setting colour is unknown to this version"):
        settings.from_dict({"colour": 1})


def test_without_demonstrations_no_batch_asks_for_them() -> None:
    assert _settings(demonstrations=0).demo_share == 0.0
    assert _settings(demonstrations=1).demo_share > 0.0


def test_the_share_of_the_bound_grows() -> None:
    settings = _settings(scale_start=0.2, scale_steps=100)
    assert [settings.scale(step) for step in (0, 50, 100, 1000)] == pytest.approx([0.2, 0.6, 1.0, 1.0])
    assert _settings().scale(0) == 1.0
