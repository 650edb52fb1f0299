"""A training run without folders and processes: the same run however often it is stopped, and never a spoiled state."""

from __future__ import annotations

import json
import resource
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from fake_base import FEATURES, make_workplace, small_settings  # noqa: E402

from so_arm.core.errors import UserError  # noqa: E402
from so_arm.learning import precision  # noqa: E402
from so_arm.learning.residual.collector import Collector  # noqa: E402
from so_arm.learning.residual.episodes import Kind  # noqa: E402
from so_arm.learning.residual.settings import ResidualSettings  # noqa: E402
from so_arm.learning.residual.trainer import ResidualTrainer  # noqa: E402
from so_arm.learning.residual.trainer_state import STATE_FILE  # noqa: E402

pytestmark = pytest.mark.torch

#: Two rounds of demonstrations, one of the disturbed base, then exploration; the estimator is fitted again in it.
SETTINGS = small_settings(
    demonstrations=6,
    warmup_episodes=4,
    seed=3,
    hidden=32,
    ensemble=4,
    estimator_refit_every=300,
    estimator_refit_updates=5,
    latency_ticks=2,
    scale_start=0.5,
    scale_steps=400,
)
ROUNDS = 6
_PREPARED = 3  # rounds


def _go(trainer: ResidualTrainer, rounds: int) -> None:
    collect = Collector(make_workplace(), SETTINGS)
    for _ in range(rounds):
        order = trainer.next_order()
        trainer.learn()
        trainer.take(collect(order), order.kind)
        trainer.prepare()


def _loaded(folder: Path, settings: ResidualSettings = SETTINGS) -> ResidualTrainer:
    trainer = ResidualTrainer(settings, FEATURES)
    trainer.load(folder)
    return trainer


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def states(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """What a run that nothing stops saves before its first and after each of its rounds."""
    root, trainer = tmp_path_factory.mktemp("states"), ResidualTrainer(SETTINGS, FEATURES)
    trainer.save(root / "0")
    for i in range(ROUNDS):
        _go(trainer, 1)
        trainer.save(root / str(i + 1))
    return [root / str(i) for i in range(ROUNDS + 1)]


def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(states: list[Path], tmp_path: Path) -> None:
    """Stopped while it collects demonstrations, before it prepares, and twice while it explores."""
    for stop in (1, 2, 4):
        trainer = _loaded(states[stop])
        _go(trainer, 5 - stop)
        trainer.save(tmp_path / "second")
        trainer = _loaded(tmp_path / "second")
        _go(trainer, ROUNDS - 5)
        trainer.save(tmp_path / "last")
        assert _content(tmp_path / "last") == _content(states[-1])
    told = json.loads((states[-1] / STATE_FILE).read_text())
    assert told["step"] > 400 and told["fitted_at"] > 0 and told["updates"] > 20 and told["episodes"] == 22


@pytest.mark.skipif(not precision.cpu_has_bf16(), reason="this processor has no native bf16 (avx512_bf16 or amx)")
def test_a_run_in_bf16_goes_on_too(states: list[Path], tmp_path: Path) -> None:
    """Stopped before it prepares, and while it explores."""
    settings = replace(SETTINGS, precision="bf16")
    whole = ResidualTrainer(settings, FEATURES)
    for i in range(1, ROUNDS):
        _go(whole, 1)
        whole.save(tmp_path / str(i))
    for stop in (2, 4):
        trainer = _loaded(tmp_path / str(stop), settings)
        _go(trainer, ROUNDS - 1 - stop)
        trainer.save(tmp_path / "last")
        assert _content(tmp_path / "last") == _content(tmp_path / str(ROUNDS - 1))
    in_fp32 = _content(states[ROUNDS - 1])["networks.safetensors"]
    assert _content(tmp_path / "last")["networks.safetensors"] != in_fp32


def test_a_round_that_was_interrupted_is_done_again(states: list[Path], tmp_path: Path) -> None:
    trainer, made = _loaded(states[5]), 0

    def interrupt() -> None:
        nonlocal made
        made += 1
        if made == 10:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trainer.learn(interrupt)
    assert trainer.debt >= 1.0
    trainer.save(tmp_path / "state")
    assert _content(tmp_path / "state") == _content(states[5])
    again = _loaded(tmp_path / "state")
    assert all(np.array_equal(again.weights()[0][name], array) for name, array in trainer.weights()[0].items())
    _go(again, 1)
    again.save(tmp_path / "last")
    assert _content(tmp_path / "last") == _content(states[6])


def test_another_seed_is_another_run(states: list[Path], tmp_path: Path) -> None:
    other = ResidualTrainer(small_settings(seed=4), FEATURES)
    assert not set(other.next_order().seeds) & set(_loaded(states[0]).next_order().seeds)
    mine, others = _loaded(states[0]).weights()[0], other.weights()[0]
    assert not np.array_equal(mine["layers.0.weight"], others["layers.0.weight"])


def test_what_is_collected_in_which_order(states: list[Path]) -> None:
    orders = [_loaded(state).next_order() for state in states]
    assert [order.kind for order in orders[:4]] == [
        Kind.demonstration,
        Kind.demonstration,
        Kind.disturbed,
        Kind.exploration,
    ]
    assert [len(order.seeds) for order in orders] == [4, 2, 4, 4, 4, 4, 4]
    seeds = [seed for order in orders for seed in order.seeds]
    assert seeds == list(range(seeds[0], seeds[0] + 26)) and min(seeds) >= 1_000_000_000
    scales = [order.scale for order in orders]
    assert scales[:4] == [1.0, 1.0, 1.0, 0.5] and scales[3] < scales[4] < scales[5] and scales[6] == 1.0


def test_a_loss_that_is_no_number_stops_at_the_last_good_state(states: list[Path], tmp_path: Path) -> None:
    trainer = _loaded(states[5])
    torch.nn.init.constant_(trainer.networks.critics.head.bias, float("nan"))
    update = trainer.networks.updates + 1
    with pytest.raises(UserError, match=rf"the loss 'critic' became nan at update {update}, step {trainer.step}; try"):
        trainer.learn()
    trainer.save(tmp_path / "state")
    assert _content(tmp_path / "state") == _content(states[5])
    assert all(np.isfinite(array).all() for weights in trainer.weights() for array in weights.values())


def test_networks_that_the_last_update_spoiled_are_not_saved(states: list[Path], tmp_path: Path) -> None:
    trainer = _loaded(states[5])
    trainer.debt = 0.0
    torch.nn.init.constant_(trainer.networks.actor.head.bias, float("inf"))
    with pytest.raises(UserError, match="actor"):
        trainer.learn()
    trainer.save(tmp_path / "state")
    assert _content(tmp_path / "state") == _content(states[5])


def test_a_spoiled_preparation_keeps_what_was_collected(states: list[Path], tmp_path: Path) -> None:
    trainer = _loaded(states[_PREPARED - 1])
    for group in trainer.networks.critic_optimiser.param_groups:
        group["lr"] = 1e38
    with pytest.raises(UserError, match=r"the loss '.*' became \w+ at update [1-9]\d*, step 0"):
        _go(trainer, 1)
    trainer.save(tmp_path / "state")
    again = _loaded(tmp_path / "state")
    assert again.preparation_due and again.episodes == 10
    with pytest.raises(ValueError, match="before the networks are prepared"):
        again.take([], Kind.exploration)
    shares: list[float] = []
    again.prepare(shares.append)
    assert shares == sorted(shares) and shares[-1] == 1.0 and len(shares) > 10
    again.save(tmp_path / "prepared")
    assert _content(tmp_path / "prepared") == _content(states[_PREPARED])


def test_a_full_disk_leaves_the_state_before(states: list[Path], tmp_path: Path) -> None:
    """A file that may not grow fails as one on a full disk does."""
    folder = tmp_path / "state"
    shutil.copytree(states[4], folder)
    trainer = _loaded(states[5])
    limits, action = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(UserError, match="cannot write"):
            trainer.save(folder)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, action)
    assert _content(folder) == _content(states[4]) and list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize("name", ["networks.safetensors", "experience.safetensors", STATE_FILE])
def test_a_damaged_state_is_named(states: list[Path], tmp_path: Path, name: str) -> None:
    folder = tmp_path / "state"
    shutil.copytree(states[5], folder)
    good = (folder / name).read_bytes()
    for size in (0, 7, len(good) // 2, len(good) - 1):
        (folder / name).write_bytes(good[:size])
        if name == STATE_FILE and size == len(good) - 1:
            continue  # only the line's end is lost
        with pytest.raises(UserError, match=f"{name} is damaged"):
            _loaded(folder)
    (folder / name).unlink()
    with pytest.raises(UserError, match=f"{name} (is missing|cannot be read)"):
        _loaded(folder)


@pytest.mark.parametrize(
    ("name", "value"), [("step", "many"), ("debt", [1]), ("rng", {"state": 1}), ("rng", None), ("updates", {})]
)
def test_a_state_with_impossible_numbers_is_named(states: list[Path], tmp_path: Path, name: str, value: object) -> None:
    folder = tmp_path / "state"
    shutil.copytree(states[5], folder)
    told = json.loads((folder / STATE_FILE).read_text())
    for changed in ({**told, name: value}, {k: v for k, v in told.items() if k != name}):
        (folder / STATE_FILE).write_text(json.dumps(changed))
        with pytest.raises(UserError, match=f"{folder} is damaged"):
            _loaded(folder)


def test_the_state_of_a_run_with_other_networks_is_named(states: list[Path]) -> None:
    trainer = ResidualTrainer(small_settings(hidden=16), FEATURES)
    with pytest.raises(UserError, match=f"{states[5]} is damaged"):
        trainer.load(states[5])


def test_a_run_without_any_preparation_explores_first(tmp_path: Path) -> None:
    settings = replace(SETTINGS, demonstrations=0, warmup_episodes=0)
    trainer, collect = ResidualTrainer(settings, FEATURES), Collector(make_workplace(), settings)
    for _ in range(2):
        order = trainer.next_order()
        assert order.kind is Kind.exploration
        trainer.learn()
        trainer.take(collect(order), order.kind)
        trainer.prepare()
        assert not trainer.preparing
