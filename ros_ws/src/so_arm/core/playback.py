"""A recorded motion played again: slowly to its first pose, a rest there, then every command at its recorded time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from so_arm.core.handover import step_together


@dataclass(frozen=True)
class PlaybackPlan:
    """M commands: time_s (M,) [s] from the start on, position (M, 6) [rad]. begin_s: when the recording begins."""

    time_s: np.ndarray
    position: np.ndarray
    begin_s: float

    def __len__(self) -> int:
        return len(self.time_s)


def plan_playback(
    pose: Sequence[float] | np.ndarray,
    state: np.ndarray,
    action: np.ndarray,
    time_s: np.ndarray,
    *,
    velocity: float,
    period_s: float,
    rest_s: float,
) -> PlaybackPlan:
    """From `pose` (6,) [rad] to `action` (T, 6) [rad], recorded at `time_s` (T,) [s].

    The way takes all joints together, the farthest at `velocity` [rad/s], one command each `period_s`. It leads first
    to the recorded arm's `state` (6,) [rad] at the beginning, so that friction holds this arm on the same side of the
    first command, and then there, where the arm gets `rest_s` to come to rest.
    """
    there, first = state.tolist(), action[0].tolist()
    way = [*_way(list(pose), there, velocity * period_s), *_way(there, first, velocity * period_s)]
    way += [first] * max(1, round(rest_s / period_s))
    begin_s = len(way) * period_s
    times = np.concatenate([np.arange(len(way)) * period_s, begin_s + time_s])
    return PlaybackPlan(times, np.vstack([np.array(way), action]), begin_s)


def _way(pose: list[float], target: list[float], max_step: float) -> Iterator[list[float]]:
    while pose != target:
        yield pose
        pose = step_together(pose, target, max_step)


def play(
    plan: PlaybackPlan,
    command: Callable[[np.ndarray], object],
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], object] = time.sleep,
) -> float:
    """Calls `command` with each position (6,) [rad] when it is due; returns the `clock` at which the recording began.

    Deadlines are absolute: a late command does not make the next one late. An exception in `command` ends it.
    """
    start_s = clock()
    for due_s, position in zip(plan.time_s.tolist(), plan.position, strict=True):
        while (left_s := start_s + due_s - clock()) > 0:
            sleep(left_s)
        command(position)
    return start_s + plan.begin_s
