"""Chunks that come late, and not: what is due, and when it takes over."""

import numpy as np
import pytest

from so_arm.core.chunk import ActionChunk, ChunkTimeline
from so_arm.core.chunk_follower import ChunkFollower
from so_arm.core.clock import tick_stamp_ns

PERIOD_NS = round(1e9 / 30)


def _ticks(delay: int, ticks: int) -> tuple[list[int], list[float | None]]:
    """The ticks at which a chunk was asked for, and the tick whose chunk answered each; chunks of 10, anew from 6."""
    follower = ChunkFollower(ChunkTimeline(PERIOD_NS, 10, 0.4), delay)
    asked, answered = [], []
    for tick in range(ticks):
        stamp = tick_stamp_ns(tick)
        if follower.due(stamp):
            asked.append(tick)
            follower.add(ActionChunk(stamp, PERIOD_NS, np.full((10, 6), float(tick))))
        step = follower.at(stamp)
        answered.append(None if step is None else step.position[0])
    return asked, answered


def test_without_a_delay_every_tick_is_answered() -> None:
    asked, answered = _ticks(0, 15)
    assert asked == [0, 6, 12]
    assert answered == [0.0] * 6 + [6.0] * 6 + [12.0] * 3


def test_a_late_chunk_takes_over_when_it_is_there() -> None:
    """The old one answers until then, and there is none at first."""
    asked, answered = _ticks(3, 18)
    assert asked == [0, 6, 12]
    assert answered == [None] * 3 + [0.0] * 6 + [6.0] * 6 + [12.0] * 3


@pytest.mark.parametrize("delay", [0, 3])
def test_a_new_episode_forgets_what_is_on_its_way(delay: int) -> None:
    follower = ChunkFollower(ChunkTimeline(PERIOD_NS, 10, 0.4), delay)
    follower.add(ActionChunk(0, PERIOD_NS, np.zeros((10, 6))))
    assert follower.waiting == (delay > 0)
    follower.reset()
    assert not follower.waiting and follower.due(0) and follower.at(tick_stamp_ns(delay)) is None
