"""The recorder's thread with a dataset that is only counted: what was heard is dealt with, and its end is told."""

from __future__ import annotations

import errno
import threading
from pathlib import Path

import pytest
from tests.data.ingest import wired

from so_arm.core.errors import UserError
from so_arm.core.recorder_status import IDLE, RECORDING, SAVED, SAVING
from so_arm.data.ingest import recording_thread
from so_arm.data.ingest.episode_saver import Fate
from so_arm.data.ingest.recording_thread import RecordingThread
from so_arm.data.ingest.settings import RecordingSettings


class CountedRows:
    """In place of a dataset. error: raised by the first row."""

    def __init__(self, error: Exception | None = None) -> None:
        self.error = error
        self.open, self.rows, self.saved = False, 0, []

    def __enter__(self) -> CountedRows:
        self.open = True
        return self

    def __exit__(self, *_: object) -> None:
        self.open = False

    def add_frame(self, *_: object) -> None:
        assert self.open
        if self.error is not None:
            raise self.error
        self.rows += 1

    def save_episode(self, note: dict[str, object]) -> None:
        self.saved.append(note["id"])

    def discard_episode(self) -> None:
        self.rows = 0


class Heard:
    """A thread, and what it told."""

    def __init__(self, error: Exception | None = None) -> None:
        self.writer = CountedRows(error)
        self.fates: list[Fate] = []
        self.errors: list[Exception] = []
        self.phases: list[str] = []
        self.told = threading.Event()
        self.thread = RecordingThread(
            Path("set"),
            self.writer,
            RecordingSettings(30, (), True),
            lambda: self.phases.append(self.thread.phase),
            self._on_fate,
            self._on_error,
        )
        self.thread.start()

    def hear(self, episode: list[wired.Fed]) -> None:
        for topic, raw in episode:
            self.thread.hear(topic, raw)

    def _on_fate(self, fate: Fate) -> None:
        self.fates.append(fate)
        self.told.set()

    def _on_error(self, error: Exception) -> None:
        self.errors.append(error)
        self.told.set()


def test_what_was_heard_is_saved_before_the_end():
    heard = Heard()
    heard.hear(wired.lockstep_episode(20))
    assert heard.thread.close() == ""
    assert heard.thread.close() == ""
    assert (heard.writer.saved, heard.writer.rows, heard.writer.open) == (["run-1"], 20, False)
    assert [(fate.result, fate.rows) for fate in heard.fates] == [(SAVED, 20)]
    assert (heard.phases[0], heard.thread.phase) == (RECORDING, IDLE)


def test_an_episode_without_its_last_messages_is_decided_after_a_while(monkeypatch: pytest.MonkeyPatch):
    """Where time stands still, as in a simulation that rests, no later stamp ever comes."""
    monkeypatch.setattr(recording_thread, "SETTLE_S", 0.1)
    heard = Heard()
    begun, *messages, ended = wired.lockstep_episode(20)
    heard.hear([begun, *messages[:-4], ended])
    assert heard.told.wait(30)
    assert heard.phases == [RECORDING, SAVING]
    assert heard.fates[0].report.rows == heard.writer.rows >= 18
    heard.thread.close()


def test_an_episode_that_does_not_end_is_dropped_by_name():
    heard = Heard()
    heard.hear(wired.lockstep_episode(20)[:-1])
    assert heard.thread.close().startswith("episode run-1 did not end: ")
    assert (heard.writer.saved, heard.fates) == ([], [])


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, "full"), UserError("cannot write set: no space left on the disk")),
        (ZeroDivisionError("odd"), ZeroDivisionError("odd")),
    ],
)
def test_an_error_ends_the_thread_and_is_told_once(error: Exception, told: Exception):
    heard = Heard(error)
    heard.hear(wired.lockstep_episode(20))
    assert heard.told.wait(30)
    heard.thread.close()
    assert [(type(each), str(each)) for each in heard.errors] == [(type(told), str(told))]
    assert not heard.writer.open
