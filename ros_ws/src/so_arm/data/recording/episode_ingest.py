"""Messages as they come, live or from a bag, to the rows of episodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from so_arm.core.episode_info import EpisodeInfo
from so_arm.data.recording.frame_grid import StreamCounts
from so_arm.data.recording.settings import RecordingSettings


@dataclass(frozen=True)
class Row:
    """One tick of an episode, `stamp_ns` on the grid. state, action: (6,) [rad]; images: camera -> (h, w, 3) uint8.

    reward: NaN when there was none. success: the verdict, on the last row only.
    """

    tick: int
    stamp_ns: int
    state: np.ndarray
    action: np.ndarray
    images: dict[str, np.ndarray]
    reward: float
    success: bool
    intervention: bool


@dataclass(frozen=True)
class EpisodeReport:
    """cut: empty, or why the episode was cut short. lead: ticks before the first row, which had no command yet."""

    info: EpisodeInfo
    rows: int
    streams: dict[str, StreamCounts]
    cut: str
    lead: int


class EpisodeIngest:
    """on_row, on_end: called within `feed`, `settle` and `close`; their errors go through."""

    def __init__(
        self, settings: RecordingSettings, on_row: Callable[[Row], None], on_end: Callable[[EpisodeReport], None]
    ) -> None:
        raise NotImplementedError

    def feed(self, topic: str, raw: bytes | memoryview) -> None:
        """The next message of `topic` (without namespace and leading slash); other topics are ignored."""

    def settle(self) -> None:
        """Nothing more comes for an episode that has ended: decide it now. For those who listen live."""

    def close(self) -> None:
        """The stream of messages is over."""
