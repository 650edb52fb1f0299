"""Messages to episodes of a dataset in a thread of its own, so that whoever hears them never waits for an encoder."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from so_arm.core.episode_info import ENDED, RUNNING
from so_arm.core.files import writing
from so_arm.core.recorder_status import IDLE, RECORDING, SAVING
from so_arm.data.ingest.episode_ingest import EpisodeIngest
from so_arm.data.ingest.episode_saver import EpisodeSaver, Fate, Writer
from so_arm.data.ingest.settings import EPISODE_TOPIC, RecordingSettings
from so_arm.data.ingest.wire import Raw

#: An episode that ended has all its messages by then, also where time stands still [s].
SETTLE_S = 2.0


class RecordingWriter(Writer, Protocol):
    """A `Writer` that makes everything durable at the end of its context."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None: ...


class RecordingThread:
    """Feeds an `EpisodeIngest` whose rows go to `writer`, the dataset in `root`, and closes that at the end.

    on_episode: an episode began or ended. on_fate: it has been dealt with. on_error: the thread ended by it; a full or
    read-only disk is a UserError. All of them are called from the thread.
    """

    def __init__(
        self,
        root: Path,
        writer: RecordingWriter,
        settings: RecordingSettings,
        on_episode: Callable[[], None],
        on_fate: Callable[[Fate], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        self._root, self._writer = root, writer
        self._on_episode, self._on_error = on_episode, on_error
        saver = EpisodeSaver(writer, settings, on_fate)
        self._ingest = EpisodeIngest(settings, saver.row, saver.end)
        self._dropped = ""
        self._messages: queue.SimpleQueue[tuple[str, Raw | int] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="recorder", daemon=True)

    def start(self) -> None:
        self._thread.start()

    @property
    def phase(self) -> str:
        """RECORDING, SAVING or IDLE of `so_arm.core.recorder_status`."""
        return {RUNNING: RECORDING, ENDED: SAVING}.get(self._ingest.info.phase, IDLE)

    @property
    def rows(self) -> int:
        """Rows so far of the episode that is recorded."""
        return self._ingest.rows

    @property
    def queued(self) -> int:
        """Messages that are not dealt with yet."""
        return self._messages.qsize()

    def hear(self, topic: str, raw: Raw) -> None:
        """Take a message of `topic` (without namespace); never waits."""
        self._messages.put((topic, raw))

    def miss(self, topic: str, count: int) -> None:
        """Take it that so many messages of `topic` got lost."""
        self._messages.put((topic, count))

    def close(self) -> str:
        """Deal with what was heard, and end. What was dropped: an episode that has not ended; empty: nothing."""
        self._messages.put(None)
        if self._thread.ident is not None:
            self._thread.join()
        return self._dropped

    def _run(self) -> None:
        try:
            with writing(self._root), self._writer:
                self._record()
        except Exception as error:
            self._on_error(error)

    def _record(self) -> None:
        """Until `close`."""
        ended_s: float | None = None
        while True:
            try:
                message = self._messages.get(timeout=SETTLE_S / 4)
            except queue.Empty:
                pass
            else:
                if message is None:
                    break
                self._feed(*message)
            if self._ingest.info.phase != ENDED:
                ended_s = None
            elif ended_s is None:
                ended_s = time.monotonic()
            elif time.monotonic() - ended_s > SETTLE_S:
                self._ingest.settle()
        self._ingest.settle()
        info = self._ingest.info
        if info.running:
            self._dropped = f"episode {info.id} did not end: {self._ingest.rows} rows dropped"

    def _feed(self, topic: str, raw: Raw | int) -> None:
        if isinstance(raw, int):
            self._ingest.miss(topic, raw)
            return
        self._ingest.feed(topic, raw)
        if topic == EPISODE_TOPIC:
            self._on_episode()
