"""Rewards and ends of an episode, for formats that ask for them whether the dataset tells them or not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from so_arm.data.dataset_schema import REWARD, SUCCESS
from so_arm.data.exchange.episode import Episode


@dataclass(frozen=True)
class Outcome:
    """rewards: (T,) float32. success: whether the last state is the task's end."""

    rewards: np.ndarray
    success: bool


def outcome(episode: Episode) -> Outcome:
    """From the columns `reward` and `success`.

    Where there is no reward it is 1 on the last row of a success, else 0. An episode that does not tell its success
    is taken for a demonstration that has it, as everywhere in LIBERO.
    """
    success = bool(episode.columns[SUCCESS].any()) if SUCCESS in episode.columns else True
    if REWARD in episode.columns:
        return Outcome(episode.columns[REWARD].reshape(len(episode)).astype(np.float32), success)
    rewards = np.zeros(len(episode), np.float32)
    rewards[-1] = float(success)
    return Outcome(rewards, success)
