"""A dataset in memory and a network so small that a test trains it in seconds."""

from __future__ import annotations

import numpy as np

from so_arm.data.training_arrays import TrainingArrays
from so_arm.learning.act.settings import TrainSettings

SIZE = (32, 32)


def tiny_arrays(length: int = 30) -> TrainingArrays:
    """Two episodes in which a square moves as the joints do."""
    rng = np.random.default_rng(0)
    ticks = np.tile(np.arange(length), 2)
    images = np.full((2 * length, *SIZE, 3), 100, dtype=np.uint8)
    for frame, tick in enumerate(ticks):
        column = tick * 26 // length
        images[frame, 4 : 10 + 6 * (frame // length), column : column + 6] = (200, 40, 40)
    state = np.stack([10 * np.sin(ticks / 9 + joint) for joint in range(6)], axis=1).astype(np.float32)
    action = np.stack([10 * np.sin((ticks + 1) / 9 + joint) for joint in range(6)], axis=1).astype(np.float32)
    noise = rng.integers(0, 5, images.shape, dtype=np.uint8)
    return TrainingArrays(
        state=state,
        action=action,
        images={"static": images + noise, "wrist": images[:, ::-1] + noise},
        episode_start=np.array([0, length]),
        episode_end=np.array([length, 2 * length]),
        fps=30,
        notes=[{"seed": 5}, {"seed": 7}],
        extra={"task": "pick_place"},
    )


def tiny_settings(**changes) -> TrainSettings:
    values = {
        "chunk_size": 8,
        "dim_model": 32,
        "n_heads": 2,
        "dim_feedforward": 64,
        "n_encoder_layers": 1,
        "batch_size": 8,
        "learning_rate": 1e-3,
        "shift_px": 1,
        "precision": "fp32",
        "steps": 4,
    }
    return TrainSettings(**(values | changes))
