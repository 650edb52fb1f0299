"""Videos of the episodes that a residual changed, drawn again from their scenes."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from so_arm.cli.rollouts import Rollouts
from so_arm.core.clock import CONTROL_HZ

if TYPE_CHECKING:
    from so_arm.analysis.residual_page import ChangedVideo
    from so_arm.analysis.residual_report import Pair
    from so_arm.core.judged_episode import JudgedEpisode

CAMERA = "static"
SIZE = (180, 240)  # (height, width) of each side [px]
#: Every so many control ticks a picture, because drawing in software is slow.
STRIDE = 3
#: Of those that were fixed, and of those that were broken.
MAX_OF_A_KIND = 3


def shown_seeds(pair: Pair) -> list[int]:
    """The first of those that the residual fixed, then the first of those that it broke."""
    return [seed for seeds in pair.changed() for seed in seeds[:MAX_OF_A_KIND]]


def pictures_of(pair: Pair) -> int:
    """How many pictures `changed_videos` draws."""
    return sum(len(_shown(each)) for both in _pairs(pair).values() for each in both)


def changed_videos(rollouts: Rollouts, pair: Pair, on_picture: Callable[[], None]) -> list[ChangedVideo]:
    """In the order of `shown_seeds`; `on_picture` is called after each picture."""
    from so_arm.analysis.page_video import video_data_uri
    from so_arm.analysis.paired_video import paired_pictures
    from so_arm.analysis.residual_page import ChangedVideo

    videos = []
    for seed, (base, residual) in _pairs(pair).items():
        won = (base.result.success, residual.result.success)
        sides = (_drawn(rollouts, base, on_picture), _drawn(rollouts, residual, on_picture))
        source = video_data_uri(paired_pictures(*sides, won), CONTROL_HZ / STRIDE)
        videos.append(ChangedVideo(seed, base.outcome, residual.outcome, source))
    return videos


def _pairs(pair: Pair) -> Mapping[int, tuple[JudgedEpisode, JudgedEpisode]]:
    by_seed = {one.result.seed: (one, other) for one, other in zip(pair.base, pair.residual, strict=True)}
    return {seed: by_seed[seed] for seed in shown_seeds(pair)}


def _shown(episode: JudgedEpisode) -> np.ndarray[Any, Any]:
    return episode.snapshots[::STRIDE]


def _drawn(rollouts: Rollouts, episode: JudgedEpisode, on_picture: Callable[[], None]) -> Iterator[np.ndarray]:
    from so_arm.sim.replay_render import render_frames

    for (picture,) in render_frames(
        rollouts.task,
        _shown(episode),
        SIZE,
        (CAMERA,),
        seed=episode.result.seed,
        randomisation=rollouts.randomisation,
        pretty=True,
    ):
        yield picture
        on_picture()
