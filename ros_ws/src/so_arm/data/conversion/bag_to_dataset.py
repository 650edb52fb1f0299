"""A bag as a LeRobot dataset: its raw messages go the way that a live recording goes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from so_arm.data.bags.reader import Bag
from so_arm.data.conversion.bag_feed import recorder_messages
from so_arm.data.conversion.bag_streams import BagStreams
from so_arm.data.dataset_schema import recording_columns
from so_arm.data.dataset_writer import DatasetWriter
from so_arm.data.ingest import wire
from so_arm.data.ingest.episode_ingest import EpisodeIngest
from so_arm.data.ingest.episode_saver import EpisodeSaver, Fate
from so_arm.data.ingest.settings import EPISODE_TOPIC, RecordingSettings

#: A bag is read faster than video is encoded; frames that wait are in memory.
_MAX_WAITING = 60
_WAIT_S = 0.002


@dataclass(frozen=True)
class Conversion:
    """fates: of all episodes that the bag tells of, in their order. damage: what of the bag could not be read."""

    fates: tuple[Fate, ...]
    damage: tuple[str, ...]

    @property
    def episodes(self) -> int:
        """In the dataset."""
        return sum(fate.rows > 0 for fate in self.fates)

    @property
    def rows(self) -> int:
        return sum(fate.rows for fate in self.fates)


def bag_to_dataset(
    bag: Bag,
    streams: BagStreams,
    settings: RecordingSettings,
    root: Path,
    instruction: str,
    on_message: Callable[[], None] = lambda: None,
    on_saved: Callable[[Fate], None] = lambda fate: None,
) -> Conversion:
    """Write the episodes of `bag` into the dataset in `root`, which is new, or is added to.

    Each episode is complete on disk before the next one is begun. instruction: the task of every row. on_message:
    called after each message of `streams`. on_saved: told the fate of each episode.
    """
    fates: list[Fate] = []
    damage: list[str] = []

    def keep(fate: Fate) -> None:
        fates.append(fate)
        on_saved(fate)

    with DatasetWriter(
        root,
        dict.fromkeys(streams.cameras),
        settings.fps,
        instruction,
        episodes_per_file=1,
        columns=recording_columns(settings.reward),
    ) as writer:
        saver = EpisodeSaver(writer, settings, keep)
        ingest = EpisodeIngest(settings, saver.row, saver.end)
        for message in recorder_messages(bag, streams, settings.control_hz or settings.fps, damage=damage):
            ingest.feed(message.topic, message.data)
            on_message()
            while writer.waiting > _MAX_WAITING:
                time.sleep(_WAIT_S)
        ingest.close()
    return Conversion(tuple(fates), tuple(damage))


def task_of(bag: Bag, streams: BagStreams) -> str:
    """The task that the bag's episodes name; empty when they name none, or several."""
    topic = f"{streams.namespace}/{EPISODE_TOPIC}"
    found = {wire.episode_info(message.data, topic).task for message in bag.messages([topic])}
    return found.pop() if len(found) == 1 else ""
