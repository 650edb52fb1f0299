"""Images of a bag's rows, read from it when they are asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from so_arm.data.bags.reader import open_bag
from so_arm.data.conversion.bag_feed import recorder_messages
from so_arm.data.conversion.bag_streams import BagStreams
from so_arm.data.ingest.episode_ingest import EpisodeIngest, EpisodeReport, Row
from so_arm.data.ingest.settings import RecordingSettings


class BagImages:
    """Goes through the bag's rows once more, on from the last one that was asked for, and back to the start for an
    earlier one. In memory are the messages of the rows that are not decided yet, not the bag.
    """

    def __init__(self, path: Path, streams: BagStreams, settings: RecordingSettings) -> None:
        self._path, self._streams, self._settings = path, streams, settings
        self._rows = self._read()
        self._at = (-1, -1)
        self._images: dict[str, np.ndarray] = {}

    def at(self, episode: int, tick: int) -> dict[str, np.ndarray]:
        """Camera -> (h, w, 3) uint8 of row `tick` of the bag's episode `episode`, both from 0."""
        if (episode, tick) < self._at:
            self._rows, self._at = self._read(), (-1, -1)
        while self._at != (episode, tick):
            *at, row = next(self._rows)
            self._at, self._images = (at[0], at[1]), row.images
        return self._images

    def _read(self) -> Iterator[tuple[int, int, Row]]:
        """(episode, tick, row) of the whole bag."""
        found: deque[tuple[int, int, Row]] = deque()
        episode, tick = 0, 0

        def on_row(row: Row) -> None:
            nonlocal tick
            found.append((episode, tick, row))
            tick += 1

        def on_end(_: EpisodeReport) -> None:
            nonlocal episode, tick
            episode, tick = episode + 1, 0

        ingest = EpisodeIngest(self._settings, on_row, on_end)
        with open_bag(self._path) as bag:
            for message in recorder_messages(bag, self._streams, self._settings.fps):
                ingest.feed(message.topic, message.data)
                while found:
                    yield found.popleft()
        ingest.close()
        yield from found
