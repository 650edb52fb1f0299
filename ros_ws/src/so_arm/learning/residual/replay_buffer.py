"""What was experienced, as flat arrays: rows of episodes one after the other, with their n-step returns."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from so_arm.core.joints import NUM_JOINTS
from so_arm.learning.residual.episodes import Episode
from so_arm.learning.residual.estimator import Frames
from so_arm.learning.residual.network_input import BODY_SIZE
from so_arm.learning.residual.training_reward import PRIVILEGED_SIZE

_FIRST_ROWS = 4096


class Seen(NamedTuple):
    """A state, for actor and critics."""

    body: Tensor  #: (n, BODY_SIZE)
    places: Tensor  #: (n, 6) [m], estimated
    privileged: Tensor  #: (n, PRIVILEGED_SIZE)


class Batch(NamedTuple):
    """``value of (seen, action) = returns + discount * value of (later, ...)``."""

    seen: Seen
    action: Tensor  #: (n, 6) normalised
    returns: Tensor  #: (n,) discounted sum of up to n_step rewards
    discount: Tensor  #: (n,) of what comes after them; 0 at an end
    later: Seen
    demos: int  #: so many rows, the first ones, are demonstrated


def n_step(reward: np.ndarray, terminated: bool, n: int, discount: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Returns (T,), discounts of what comes after (T,) and how many ticks later that is (T,) for rewards (T,).

    Near the end fewer than `n` rewards are left. A terminated episode has nothing after it; one that was cut off
    by its time limit has.
    """
    ticks = len(reward)
    ahead = np.minimum(n, ticks - np.arange(ticks))
    padded = np.concatenate((reward, np.zeros(n, reward.dtype)))
    returns = np.sum([discount**k * padded[k : k + ticks] for k in range(n)], axis=0)
    after = discount ** ahead.astype(np.float64)
    if terminated:
        after[np.arange(ticks) + ahead == ticks] = 0.0
    return returns.astype(np.float32), after.astype(np.float32), ahead


class ReplayBuffer:
    """Grows as episodes come. `frames` holds the estimates, which change when the estimator learns."""

    ARRAYS = ("body", "privileged", "action", "returns", "discount", "ahead", "frame", "starts")

    def __init__(self, frames: Frames, n: int, discount: float) -> None:
        self._frames, self._n, self._discount = frames, n, discount
        self.body = np.empty((0, BODY_SIZE), np.float32)
        self.privileged = np.empty((0, PRIVILEGED_SIZE), np.float32)
        self.action = np.empty((0, NUM_JOINTS), np.float32)
        self.returns = np.empty(0, np.float32)
        self.discount = np.empty(0, np.float32)
        self.ahead = np.empty(0, np.int64)
        self.frame = np.empty(0, np.int64)
        self.starts = np.empty(0, np.int64)  # rows with a tick after them
        self.rows = self.ticks = 0

    def add(self, episode: Episode) -> None:
        first = self._frames.add(episode.features, episode.places, episode.estimated)
        returns, after, ahead = n_step(episode.reward, episode.terminated, self._n, self._discount)
        ticks, begin = episode.steps, self.rows
        self._put("body", begin, episode.body)
        self._put("privileged", begin, episode.privileged)
        self._put("frame", begin, episode.frame + first)
        self._put("action", begin, episode.action)
        self._put("returns", begin, returns)
        self._put("discount", begin, after)
        self._put("ahead", begin, ahead)
        self._put("starts", self.ticks, np.arange(begin, begin + ticks))
        self.rows += ticks + 1
        self.ticks += ticks

    def sample(self, n: int, rng: np.random.Generator) -> Batch:
        """`n` ticks, each as likely."""
        rows = self.starts[rng.integers(self.ticks, size=n)]
        return Batch(
            self._seen(rows),
            torch.from_numpy(self.action[rows]),
            torch.from_numpy(self.returns[rows]),
            torch.from_numpy(self.discount[rows]),
            self._seen(rows + self.ahead[rows]),
            0,
        )

    def restore(self, arrays: dict[str, np.ndarray]) -> None:
        """The arrays that `saved` gave."""
        for name in self.ARRAYS:
            setattr(self, name, arrays[name])
        self.rows, self.ticks = len(self.body), len(self.starts)

    def saved(self) -> dict[str, np.ndarray]:
        """All rows of the arrays; views."""
        return {name: getattr(self, name)[: self.ticks if name == "starts" else self.rows] for name in self.ARRAYS}

    def _seen(self, rows: np.ndarray) -> Seen:
        return Seen(
            torch.from_numpy(self.body[rows]),
            torch.from_numpy(self._frames.estimated[self.frame[rows]]),
            torch.from_numpy(self.privileged[rows]),
        )

    def _put(self, name: str, begin: int, values: np.ndarray) -> None:
        array, end = getattr(self, name), begin + len(values) + 1
        if end > len(array):
            grown = np.zeros((max(_FIRST_ROWS, 2 * end), *array.shape[1:]), array.dtype)
            grown[:begin] = array[:begin]
            setattr(self, name, grown)
            array = grown
        array[begin : begin + len(values)] = values


def joined(demonstrated: Batch, online: Batch) -> Batch:
    """One batch, the demonstrated rows first."""

    def both(first: Seen, second: Seen) -> Seen:
        return Seen(*(torch.cat(pair) for pair in zip(first, second, strict=True)))

    return Batch(
        both(demonstrated.seen, online.seen),
        torch.cat((demonstrated.action, online.action)),
        torch.cat((demonstrated.returns, online.returns)),
        torch.cat((demonstrated.discount, online.discount)),
        both(demonstrated.later, online.later),
        len(demonstrated.action),
    )
