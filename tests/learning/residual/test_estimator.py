"""Places learned from features that are made of them."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from so_arm.learning.residual.estimator import HELD_OUT, Estimator, Frames, fit  # noqa: E402
from so_arm.learning.residual.network_input import PLACES_SIZE  # noqa: E402

pytestmark = pytest.mark.torch
FEATURES = 12


def _frames(episodes: int = 60, spoiled: int | None = None) -> Frames:
    """Features: a random mixture of the places. The episodes with `spoiled` as remainder have other places."""
    rng = np.random.default_rng(0)
    mixture = rng.normal(size=(PLACES_SIZE, FEATURES))
    frames = Frames(FEATURES)
    for episode in range(episodes):
        places = rng.uniform((0.1, -0.2, 0.0) * 2, (0.3, 0.2, 0.1) * 2, (6, PLACES_SIZE)).astype(np.float32)
        features = 10.0 * places @ mixture
        if episode % HELD_OUT == spoiled:
            places = places + np.float32(0.5)
        frames.add(features.astype(np.float16), places, np.zeros_like(places))
    return frames


def _fitted(frames: Frames, updates: int, seed: int = 0) -> tuple[Estimator, float]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        estimator = Estimator(FEATURES)
    return estimator, fit(estimator, frames, updates, torch.Generator().manual_seed(seed), first=True)


def test_it_learns_where_things_are() -> None:
    frames = _frames()
    _, before = _fitted(frames, 0)
    estimator, error = _fitted(frames, 150)
    assert before > 0.1 and error < 0.02
    frames.estimate(estimator)
    wrong = np.abs(frames.estimated[: frames.size] - frames.places[: frames.size])
    assert np.median(wrong) < 0.01
    again = fit(estimator, frames, 50, torch.Generator().manual_seed(1), first=False)
    assert again < 1.2 * error  # a later fit goes on from there


def test_the_error_is_that_of_episodes_that_are_not_learned_from() -> None:
    assert _fitted(_frames(spoiled=HELD_OUT - 1), 150)[1] > 0.5
    assert _fitted(_frames(spoiled=None), 150)[1] < 0.02


def test_the_same_generator_gives_the_same_estimator() -> None:
    frames = _frames(20)
    (first, _), (second, _), (other, _) = _fitted(frames, 3), _fitted(frames, 3), _fitted(frames, 3, seed=1)
    assert np.array_equal(first.places(frames.features[:5]), second.places(frames.features[:5]))
    assert not np.array_equal(first.places(frames.features[:5]), other.places(frames.features[:5]))


@pytest.mark.filterwarnings("ignore:Initializing zero-element", "ignore:std")
def test_without_features_it_knows_the_usual_places() -> None:
    frames, places = Frames(0), np.array([[0.1] * 6, [0.3] * 6], np.float32)
    frames.add(np.empty((2, 0), np.float16), places, places)
    estimator = Estimator(0)
    fit(estimator, frames, 1, torch.Generator().manual_seed(0), first=True)
    assert estimator.places(np.empty((3, 0))).shape == (3, 6)
    np.testing.assert_allclose(estimator.place_mean, 0.2, atol=1e-6)


def test_frames_grow_and_number_their_episodes() -> None:
    frames = _frames(400)
    assert frames.size == 2400 <= len(frames.features)
    assert frames.episode[: frames.size].tolist() == np.repeat(np.arange(400), 6).tolist()
    assert frames.add(np.zeros((1, FEATURES)), np.zeros((1, 6)), np.zeros((1, 6))) == 2400
