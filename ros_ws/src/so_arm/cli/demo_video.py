"""The demo's video: the recorded episodes drawn again, larger and better-looking than the policy saw them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from so_arm.analysis.video import Clip, scaled_down
from so_arm.cli.rollouts import Rollouts
from so_arm.core.episode import EpisodeResult
from so_arm.core.episode_record import EpisodeRecord
from so_arm.sim.replay_render import render_frames

VIEW_SIZE = (360, 480)  # (height, width) of each camera [px]
#: Drawn larger and scaled down: smooth edges, in software at a fraction of the cost of multisampling.
DRAWN_SIZE = (450, 600)
MAX_EPISODES = 6
#: Drawing is slow without a graphics card: beyond this many frames only every other tick is shown, and so on.
MAX_FRAMES = 600


@dataclass(frozen=True)
class VideoPlan:
    """Every `stride`-th tick is a frame; `frames` of them in all."""

    rollouts: Rollouts
    episodes: list[tuple[EpisodeResult, EpisodeRecord]]
    stride: int

    @property
    def frames(self) -> int:
        return sum(len(record.snapshots[: -1 : self.stride]) for _, record in self.episodes)

    def clips(self, on_frame: Callable[[], None]) -> Iterator[Clip]:
        """Draws while it is read; `on_frame` is called after each frame."""
        for number, (result, record) in enumerate(self.episodes, start=1):
            frames = _draw(self.rollouts, result, record, self.stride, on_frame)
            yield _clip(f"episode {number} of {self.rollouts.episodes}", result, record, frames)


def plan_video(rollouts: Rollouts, results: list[EpisodeResult], records: list[EpisodeRecord]) -> VideoPlan:
    """The first episodes, with as many frames as can be drawn in about 20 s."""
    shown = list(zip(results, records, strict=True))[:MAX_EPISODES]
    ticks = sum(len(record.reward) for _, record in shown)
    return VideoPlan(rollouts, shown, stride=math.ceil(ticks / MAX_FRAMES))


def _draw(
    rollouts: Rollouts, result: EpisodeResult, record: EpisodeRecord, stride: int, on_frame: Callable[[], None]
) -> Iterator[tuple[np.ndarray, ...]]:
    for views in render_frames(
        rollouts.task,
        record.snapshots[:-1:stride],  # the last one belongs to no tick
        DRAWN_SIZE,
        seed=result.seed,
        randomisation=rollouts.randomisation,
        pretty=True,
    ):
        yield tuple(scaled_down(view, VIEW_SIZE) for view in views)
        on_frame()


def _clip(name: str, result: EpisodeResult, record: EpisodeRecord, frames: Iterator[tuple[np.ndarray, ...]]) -> Clip:
    return Clip(
        title=f"{name}   seed {result.seed}",
        outcome="success" if result.success else (result.failure or "failure").replace("_", " "),
        success=result.success,
        frames=frames,
        reward=record.reward,
        joint_position=record.joint_position,
        action=record.action,
    )
