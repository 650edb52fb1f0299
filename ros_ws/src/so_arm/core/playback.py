"""Commands at their times: a recorded motion played again, and before it the slow way to where it begins."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from so_arm.core.handover import step_together


@dataclass(frozen=True)
class Playback:
    """M commands: time_s (M,) [s] from the start on, position (M, 6) [rad]."""

    time_s: np.ndarray
    position: np.ndarray

    def __len__(self) -> int:
        return len(self.time_s)


def approach(
    pose: Sequence[float] | np.ndarray,
    state: np.ndarray,
    action: np.ndarray,
    *,
    velocity: float,
    period_s: float,
    rest_s: float,
) -> Playback:
    """From `pose` to the first command `action` of a recording, all (6,) [rad].

    The way takes all joints together, the farthest at `velocity` [rad/s], one command each `period_s`. It leads first
    to the recorded arm's `state` at the beginning, so that friction holds this arm on the same side of the command,
    and then there, where the arm gets `rest_s` to come to rest.
    """
    there, first = state.tolist(), action.tolist()
    way = [*_way(list(pose), there, velocity * period_s), *_way(there, first, velocity * period_s)]
    way += [first] * max(1, round(rest_s / period_s))
    return Playback(np.arange(len(way)) * period_s, np.array(way))


def _way(pose: list[float], target: list[float], max_step: float) -> Iterator[list[float]]:
    while pose != target:
        yield pose
        pose = step_together(pose, target, max_step)


def play(
    playback: Playback,
    command: Callable[[np.ndarray], object],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> float:
    """Calls `command` with each position (6,) [rad] when it is due; returns the `clock` at the start.

    Deadlines are absolute: a late command does not make the next one late. An exception in `command` ends it.
    """
    start_s = clock()
    for due_s, position in zip(playback.time_s.tolist(), playback.position, strict=True):
        while (left_s := start_s + due_s - clock()) > 0:
            sleep(left_s)
        command(position)
    return start_s
