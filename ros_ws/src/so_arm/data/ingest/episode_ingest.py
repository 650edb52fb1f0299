"""Messages as they come, live or from a bag, to the rows of episodes."""

from __future__ import annotations

import dataclasses
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from so_arm.core.arbiter import TELEOP
from so_arm.core.episode_info import DISCARDED, ENDED, SUCCESS, EpisodeInfo
from so_arm.core.errors import UserError
from so_arm.data.ingest import wire
from so_arm.data.ingest.frame_grid import FrameGrid, GridRow
from so_arm.data.ingest.holes import explain
from so_arm.data.ingest.settings import (
    COMMAND_TOPIC,
    COMPRESSED,
    EPISODE_TOPIC,
    REWARD_TOPIC,
    STATE_TOPIC,
    RecordingSettings,
    image_topic,
)
from so_arm.data.ingest.stream_samples import StreamCounts, StreamRule
from so_arm.data.ingest.wire import Raw

_SECOND_NS = 1_000_000_000
#: Samples per topic that may come before the message which begins their episode.
_RECENT = 16
#: An episode that lasted longer than its steps by more than that was run by a simulation slower than its clock [s].
_SLOW_S = 0.1
UNHEARD_END = "its end was not heard"


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
    """info: as it ended. cut: empty, or why rows end before the episode. lead: ticks before the first row.

    streams: topic -> counts.
    """

    info: EpisodeInfo
    rows: int
    streams: dict[str, StreamCounts]
    cut: str
    lead: int


class EpisodeIngest:
    """on_row: each row; the last one of an episode comes when its end is known. on_end: after the last row.

    Both are called within `feed`, `settle` and `close`; their errors go through. Rows of an episode that is then
    discarded are for the caller to forget. Images of rows are views of the messages: read-only.
    """

    def __init__(
        self, settings: RecordingSettings, on_row: Callable[[Row], None], on_end: Callable[[EpisodeReport], None]
    ) -> None:
        self._settings, self._on_row, self._on_end = settings, on_row, on_end
        self._cameras = {image_topic(camera): camera for camera in settings.cameras}
        self._rules = _rules(settings)
        self._recent: dict[str, deque[tuple[int, str, Raw]]] = {topic: deque(maxlen=_RECENT) for topic in self._rules}
        self._pixels: dict[str, tuple[Raw, np.ndarray]] = {}
        self._episode: _Episode | None = None
        self._next: _Episode | None = None  # begun while samples of the one before were still to come

    @property
    def info(self) -> EpisodeInfo:
        """The episode that rows are of, as it was last heard of; the default one between episodes. For any thread."""
        episode = self._episode
        return episode.info if episode else EpisodeInfo()

    @property
    def rows(self) -> int:
        """Rows of that episode so far."""
        episode = self._episode
        return episode.rows if episode else 0

    def feed(self, topic: str, raw: Raw) -> None:
        """The next message of `topic` (without namespace and leading slash); other topics are ignored."""
        if topic == EPISODE_TOPIC:
            self._hear(wire.episode_info(raw, topic))
            return
        stream = topic.removesuffix(COMPRESSED)
        if stream not in self._rules:
            return
        try:
            stamp_ns = wire.header_stamp(raw, topic)
        except UserError as error:
            self._cut(str(error))
            return
        self._recent[stream].append((stamp_ns, topic, raw))
        if self._next is not None and stamp_ns >= self._next.info.start_stamp_ns:
            self._next.grid.add(stream, stamp_ns, (topic, raw))
            if self._next.grid.has_begun:
                self.settle()
        elif self._episode is not None:
            self._episode.grid.add(stream, stamp_ns, (topic, raw))
            self._decide(self._episode)

    def miss(self, topic: str, count: int) -> None:
        """So many messages of `topic` were published and did not come: counted, if an episode is on."""
        stream = topic.removesuffix(COMPRESSED)
        if self._episode is not None and stream in self._rules:
            self._episode.grid.streams[stream].counts.lost += count

    def settle(self) -> None:
        """Nothing more comes for an episode that has ended: decide it now. For those who listen live."""
        if self._episode is not None and self._episode.info.phase == ENDED:
            self._episode.grid.settle()
            self._decide(self._episode)

    def close(self) -> None:
        """The stream of messages is over."""
        self.settle()
        self.settle()  # the next one, if it has ended as well
        if self._episode is not None:
            self._abandon(self._episode)

    def _hear(self, info: EpisodeInfo) -> None:
        newest = self._next or self._episode
        if newest is not None and info.id == newest.info.id:
            if info.phase == ENDED:
                self._end(newest, info)
            return
        if self._next is not None:
            self.settle()  # only one is waited for
        if self._episode is not None and self._episode.info.phase != ENDED:
            self._abandon(self._episode)
        if info.running:
            self._begin(info)

    def _begin(self, info: EpisodeInfo) -> None:
        patience_ns = round(self._settings.patience_s * _SECOND_NS)
        grid = FrameGrid(info.start_stamp_ns, self._settings.fps, self._rules, COMMAND_TOPIC, patience_ns)
        episode = _Episode(info, grid)
        for stream, samples in self._recent.items():
            for stamp_ns, topic, raw in samples:
                grid.add(stream, stamp_ns, (topic, raw))
        if self._episode is not None:
            self._next = episode
            return
        self._episode = episode
        self._decide(episode)

    def _end(self, episode: _Episode, info: EpisodeInfo) -> None:
        episode.info = info
        hz = self._settings.control_hz or self._settings.fps
        end_ns = info.start_stamp_ns + (info.steps * _SECOND_NS + hz // 2) // hz
        newest = episode.grid.streams[STATE_TOPIC].newest_ns
        if newest is not None and newest - end_ns > _SLOW_S * _SECOND_NS:
            end_ns = newest
        episode.grid.end(end_ns)
        if episode is self._episode:
            self._decide(episode)

    def _abandon(self, episode: _Episode) -> None:
        """Keep what there is of an episode whose end was never told."""
        episode.grid.settle()
        self._decide(episode)
        episode.cut = episode.cut or UNHEARD_END
        self._finish(episode)

    def _cut(self, reason: str) -> None:
        """Rows of the episode, if one runs, end here."""
        if self._episode is not None and not self._episode.grid.done:
            self._episode.cut, self._episode.grid.done = reason, True

    def _decide(self, episode: _Episode) -> None:
        if episode.info.outcome == DISCARDED:
            self._finish(episode)
            return
        try:
            for found in episode.grid.decide():
                row = self._row(episode, found)
                episode.rows += 1
                if episode.held is not None:
                    self._on_row(episode.held)
                episode.held = row
        except _UnreadableError as error:
            self._cut(str(error))
        if episode.grid.hole is not None and not episode.cut:
            episode.cut = explain(episode.grid, episode.grid.hole, self._settings.fps)
        if episode.grid.done and episode.info.phase == ENDED:
            self._finish(episode)

    def _finish(self, episode: _Episode) -> None:
        self._episode = None
        self._pixels.clear()
        info, rows = episode.info, episode.rows
        if episode.held is not None and info.outcome != DISCARDED:
            verdict = info.outcome == SUCCESS and not episode.cut
            self._on_row(dataclasses.replace(episode.held, success=verdict))
        cut = episode.cut or ("" if rows else "no tick of it has a sample of every topic")
        self._on_end(EpisodeReport(info, rows, episode.grid.counts, cut, episode.grid.lead))
        if self._next is not None:
            self._episode, self._next = self._next, None
            self._decide(self._episode)

    def _row(self, episode: _Episode, found: GridRow) -> Row:
        """UserErrors of messages that cannot be read become `_UnreadableError`."""
        samples = found.samples
        try:
            command = wire.joints(samples[COMMAND_TOPIC][1], COMMAND_TOPIC)
            return Row(
                tick=found.tick,
                stamp_ns=found.stamp_ns,
                state=wire.joints(samples[STATE_TOPIC][1], STATE_TOPIC).position,
                action=command.position,
                images={camera: self._image(topic, episode, samples) for topic, camera in self._cameras.items()},
                reward=_reward(samples.get(REWARD_TOPIC)),
                success=False,
                intervention=command.frame_id == TELEOP,
            )
        except UserError as error:
            raise _UnreadableError(str(error)) from error

    def _image(self, stream: str, episode: _Episode, samples: dict[str, tuple[str, Raw]]) -> np.ndarray:
        topic, raw = samples[stream]
        known = self._pixels.get(stream)
        if known is not None and known[0] is raw:
            return known[1]
        read = wire.compressed_image if topic.endswith(COMPRESSED) else wire.image
        pixels = read(raw, topic)[1]
        size = episode.sizes.setdefault(stream, pixels.shape)
        if pixels.shape != size:
            was, now = (f"{width}x{height} px" for height, width, _ in (size, pixels.shape))
            raise UserError(f"{topic}: the image size changed from {was} to {now}")
        self._pixels[stream] = (raw, pixels)
        return pixels


class _Episode:
    """What is known of the episode that rows are made of."""

    def __init__(self, info: EpisodeInfo, grid: FrameGrid) -> None:
        self.info, self.grid = info, grid
        self.rows = 0
        self.sizes: dict[str, tuple[int, ...]] = {}  # stream -> shape of its images
        self.held: Row | None = None  # the newest row, until it is known whether it is the last one
        self.cut = ""


class _UnreadableError(Exception):
    """A message that a row needs cannot be read."""


def _rules(settings: RecordingSettings) -> dict[str, StreamRule]:
    """Topic -> how its samples are chosen."""
    state = StreamRule(round(settings.state_tolerance_s * _SECOND_NS))
    image = StreamRule(round(settings.image_tolerance_s * _SECOND_NS))
    rules: dict[str, StreamRule] = {COMMAND_TOPIC: state, STATE_TOPIC: state}
    rules |= {image_topic(camera): image for camera in settings.cameras}
    if settings.reward:
        # What the command of a tick earned is known at the next tick, and belongs to no other.
        period_ns = _SECOND_NS // settings.fps
        rules[REWARD_TOPIC] = StreamRule(period_ns // 2, ahead_ns=period_ns, required=False)
    return rules


def _reward(sample: tuple[str, Any] | None) -> float:
    return math.nan if sample is None else wire.reward(sample[1], REWARD_TOPIC).total
