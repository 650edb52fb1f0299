"""Batches: padding, normalisation, and the same batch for the same step whoever asks."""

from __future__ import annotations

import numpy as np
import pytest
from tiny import SIZE, tiny_arrays, tiny_settings

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def source():
    from so_arm.learning.act.batches import BatchSource, dataset_statistics

    arrays = tiny_arrays()
    return BatchSource(arrays, dataset_statistics(arrays), tiny_settings())


def test_shapes_and_padding(source) -> None:
    batch = source.batch(0)
    assert batch.images.shape == (2, 8, 3, *SIZE)
    assert batch.images[0].is_contiguous(memory_format=__import__("torch").channels_last)
    assert (batch.state.shape, batch.action.shape, batch.is_pad.shape) == ((8, 6), (8, 8, 6), (8, 8))
    for actions, is_pad in zip(batch.action, batch.is_pad, strict=True):
        valid = int((~is_pad).sum())
        assert valid >= 1
        assert is_pad[valid:].all(), "padding is at the end only"
        assert (actions[valid:] == actions[valid - 1]).all(), "padding repeats the episode's last action"


def test_an_epoch_shows_every_frame_once_and_is_normalised(source) -> None:
    states = np.concatenate([source.batch(step).state.numpy() for step in range(source.batches_per_epoch)])
    assert len(states) == 56
    assert np.abs(states.mean(0)).max() < 0.3
    assert np.abs(states.std(0) - 1).max() < 0.2


def test_the_same_step_gives_the_same_batch_in_any_order_and_in_shares(source) -> None:
    import torch

    late, early = source.batch(9), source.batch(2)
    assert torch.equal(source.batch(9).images, late.images)
    shares = [source.batch(2, share, 2) for share in range(2)]
    assert torch.equal(torch.stack([share.state for share in shares], 1).flatten(0, 1), early.state)
    assert torch.equal(torch.stack([share.images for share in shares], 2).flatten(1, 2), early.images)


def test_without_augmentation_the_pixels_are_the_dataset_s(source) -> None:
    from so_arm.learning.act.batches import BatchSource, dataset_statistics

    arrays = tiny_arrays()
    statistics = dataset_statistics(arrays)
    plain = BatchSource(arrays, statistics, tiny_settings(shift_px=0, colour_jitter=0.0)).batch(0)
    pixels = statistics["observation.images.static"]
    restored = (plain.images[0] * pixels["std"] + pixels["mean"]).mul(255).round().numpy().transpose(0, 2, 3, 1)
    frames = np.array(arrays.images["static"], dtype=float)
    for image in restored:
        assert (np.abs(frames - image).max(axis=(1, 2, 3)) < 0.5).any()
