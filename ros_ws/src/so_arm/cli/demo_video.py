"""The demo's video: the recorded episodes drawn again, larger and better-looking than the policy saw them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from so_arm.analysis.video import Clip
from so_arm.cli.rollouts import Rollouts
from so_arm.core.episode import EpisodeResult
from so_arm.core.episode_record import EpisodeRecord
from so_arm.sim.replay_render import render_frames

VIEW_SIZE = (360, 480)  # (height, width) of each camera [px]
MAX_EPISODES = 6
#: Drawing is slow without a graphics card: beyond this many frames only every other tick is shown, and so on.
MAX_FRAMES = 900


@dataclass(frozen=True)
class VideoPlan:
    """`clips` draws while it is read; every `stride`-th tick is a frame."""

    clips: Iterator[Clip]
    episodes: int
    stride: int


def plan_video(rollouts: Rollouts, results: list[EpisodeResult], records: list[EpisodeRecord]) -> VideoPlan:
    """The first episodes, with as many frames as can be drawn in about a minute."""
    shown = list(zip(results, records, strict=True))[:MAX_EPISODES]
    stride = math.ceil(sum(len(record.reward) for _, record in shown) / MAX_FRAMES)
    clips = (
        _clip(rollouts, result, record, f"episode {number} of {len(results)}", stride)
        for number, (result, record) in enumerate(shown, start=1)
    )
    return VideoPlan(clips, len(shown), stride)


def _clip(rollouts: Rollouts, result: EpisodeResult, record: EpisodeRecord, name: str, stride: int) -> Clip:
    frames = render_frames(
        rollouts.task,
        record.snapshots[:-1:stride],  # the last one belongs to no tick
        VIEW_SIZE,
        seed=result.seed,
        randomisation=rollouts.randomisation,
        pretty=True,
    )
    return Clip(
        title=f"{name}   seed {result.seed}",
        outcome="success" if result.success else (result.failure or "failure").replace("_", " "),
        success=result.success,
        frames=frames,
        reward=record.reward,
        joint_position=record.joint_position,
        action=record.action,
    )
