"""Whatever the residual learns, the base stays as it was, to the last byte."""

from __future__ import annotations

import dataclasses
import hashlib
import sys
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

sys.path.insert(0, str(Path(__file__).parents[1] / "act"))
from fake_base import SeenEnv, make_workplace, small_settings  # noqa: E402
from tiny import SIZE, tiny_arrays, tiny_settings  # noqa: E402

from so_arm.learning.act.policy import ActPolicy  # noqa: E402
from so_arm.learning.act.train import TrainingRun  # noqa: E402
from so_arm.learning.residual.collector import Collector  # noqa: E402
from so_arm.learning.residual.trainer import ResidualTrainer  # noqa: E402

pytestmark = pytest.mark.torch


class _Snow(SeenEnv):
    """Pictures that cost nothing."""

    def camera_image(self, camera: str) -> np.ndarray:
        return np.random.default_rng([self.tick, len(camera)]).integers(0, 255, (*SIZE, 3), dtype=np.uint8)


def _hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_not_a_byte_of_the_base_changes(tmp_path: Path) -> None:
    run = TrainingRun(tmp_path, Path("dataset"), tiny_arrays(), tiny_settings(steps=1, chunk_size=50))
    folder = run.run(lambda report: None)
    policy, hashes = ActPolicy.load(folder, precision="fp32"), _hashes(folder)
    loaded = {name: tensor.numpy().tobytes() for name, tensor in policy._model.state_dict().items()}
    settings = small_settings(demonstrations=1, warmup_episodes=1, episodes_per_round=2)
    place = dataclasses.replace(make_workplace(), policy=policy, make_env=lambda: _Snow(40))
    collect, trainer = Collector(place, settings), ResidualTrainer(settings, policy.feature_size)
    untrained = trainer.weights()[0]["head.weight"]
    for _ in range(5):
        order = trainer.next_order()
        trainer.learn()
        trainer.take(collect(order), order.kind)
        trainer.prepare()
    assert trainer.networks.updates > 30 and not np.array_equal(trainer.weights()[0]["head.weight"], untrained)
    assert {name: tensor.numpy().tobytes() for name, tensor in policy._model.state_dict().items()} == loaded
    assert _hashes(folder) == hashes
    assert not any(parameter.grad is not None for parameter in policy._model.parameters())
