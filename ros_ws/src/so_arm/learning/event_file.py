"""Scalars for TensorBoard, written at once: a full disk is an error where it happens, not one of a thread."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from so_arm.core import files


class EventFile:
    """A new event file in `folder`. Used as a context. kept_step: TensorBoard forgets later ones of older files.

    UserError when the disk is full.
    """

    def __init__(self, folder: Path, kept_step: int) -> None:
        name = f"events.out.tfevents.{time.time_ns()}.{socket.gethostname()}.{os.getpid()}"
        self._path = folder / name
        with files.creating(folder):
            folder.mkdir(parents=True, exist_ok=True)
        with files.writing(self._path):
            self._file = self._path.open("wb")
        self._records = RecordWriter(self._file)
        self._write(file_version="brain.Event:2")
        self._write(step=kept_step + 1, session_log=SessionLog(status=SessionLog.START))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> None:
        with files.writing(self._path):
            self._file.close()

    def add_scalars(self, values: Mapping[str, float], step: int) -> None:
        """By name."""
        scalars = [Summary.Value(tag=name, simple_value=value) for name, value in values.items()]
        self._write(step=step, summary=Summary(value=scalars))

    def _write(self, **content: Any) -> None:
        with files.writing(self._path):
            self._records.write(Event(wall_time=time.time(), **content).SerializeToString())
            self._file.flush()
