"""Episodes and states made of random numbers, with the shapes of real ones."""

from __future__ import annotations

import numpy as np
import torch

from so_arm.learning.residual.episodes import Episode
from so_arm.learning.residual.network_input import BODY_SIZE, PLACES_SIZE
from so_arm.learning.residual.replay_buffer import Batch, Seen
from so_arm.learning.residual.training_reward import PRIVILEGED_SIZE

FEATURES = 3
TICKS_PER_PLAN = 4


def make_episode(seed: int, ticks: int, terminated: bool = False) -> Episode:
    """Every row of `body` says in its first two numbers which episode and tick it is of."""
    rng = np.random.default_rng(seed)
    plans = ticks // TICKS_PER_PLAN + 1
    body = rng.normal(size=(ticks + 1, BODY_SIZE)).astype(np.float32)
    body[:, 0], body[:, 1] = seed, np.arange(ticks + 1)
    return Episode(
        seed=seed,
        success=terminated,
        failure=None if terminated else "timeout",
        terminated=terminated,
        episode_reward=0.0,
        body=body,
        privileged=rng.normal(size=(ticks + 1, PRIVILEGED_SIZE)).astype(np.float32),
        action=rng.uniform(-1, 1, (ticks, 6)).astype(np.float32),
        reward=rng.normal(size=ticks).astype(np.float32),
        frame=np.arange(ticks + 1) // TICKS_PER_PLAN,
        features=np.full((plans, FEATURES), seed, np.float16),
        places=np.full((plans, PLACES_SIZE), seed, np.float32),
        estimated=np.full((plans, PLACES_SIZE), -seed, np.float32),
    )


def make_seen(seed: int, n: int, base: np.ndarray | None = None) -> Seen:
    """base: (n, 6) normalised base actions, random within the limits when left out."""
    rng = np.random.default_rng(seed)
    body = rng.normal(size=(n, BODY_SIZE)).astype(np.float32)
    body[:, 12:18] = rng.uniform(-1, 1, (n, 6)) if base is None else base
    return Seen(
        torch.from_numpy(body),
        torch.from_numpy(rng.uniform(0, 0.3, (n, PLACES_SIZE)).astype(np.float32)),
        torch.from_numpy(rng.normal(size=(n, PRIVILEGED_SIZE)).astype(np.float32)),
    )


def make_batch(n: int, demos: int = 0, base: np.ndarray | None = None) -> Batch:
    rng = np.random.default_rng(n)
    return Batch(
        make_seen(1, n, base),
        torch.from_numpy(rng.uniform(-1, 1, (n, 6)).astype(np.float32)),
        torch.from_numpy(rng.normal(size=n).astype(np.float32)),
        torch.full((n,), 0.9),
        make_seen(2, n, base),
        demos,
    )
