"""A recording for the Rerun viewer (.rrd); nothing is sent anywhere."""

from __future__ import annotations

import errno
import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from so_arm.core.errors import UserError

if TYPE_CHECKING:
    import rerun.blueprint as rrb

#: Rerun reports its use to its makers except where this is set.
NO_ANALYTICS = {"CI": "1"}
_NO_LOG = {"RUST_LOG": "off"}
_FORCED = "FORCE_RERUN_ANALYTICS"
_JPEG_QUALITY = 90
_ROWS_AT_ONCE = 4096
_FULL_BYTES = 2**20
_END, _END_BYTES = b"RRF2FOOT", 64

#: Timeline -> where on it a row is: int (a number of a row), float [s], or np.datetime64.
Moment = Mapping[str, int | float | np.datetime64]


def without_analytics() -> dict[str, str]:
    """The environment of this process, in which Rerun sends nothing."""
    return {key: value for key, value in os.environ.items() if key != _FORCED} | NO_ANALYTICS


@contextmanager
def _silent() -> Iterator[None]:
    before = dict(os.environ)
    os.environ.pop(_FORCED, None)
    os.environ.update(NO_ANALYTICS | _NO_LOG)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@dataclass
class _Series:
    """Rows of one number that are not in the file yet."""

    moments: list[Moment] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


class RerunFile:
    """Writes images, numbers and texts to `path`. Entities are paths of names; a context manager.

    blueprint: makes the arrangement of the views, once Rerun is loaded.
    """

    def __init__(self, path: Path, name: str, blueprint: Callable[[], rrb.Blueprint]) -> None:
        self._path = path
        self._series: dict[str, _Series] = defaultdict(_Series)
        with _silent():
            import rerun as rr

            self._rr = rr
            self._stream = rr.RecordingStream("so_arm", recording_id=name, send_properties=False)
            with self._writing():
                self._stream.save(path, default_blueprint=blueprint())
        self._stream.send_recording_name(name)

    def __enter__(self) -> RerunFile:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        with self._writing():
            if kind is None:
                for entity in list(self._series):
                    self._send(entity)
                self._stream.flush()
            self._stream.disconnect()
        if kind is None and not self._is_ended():
            raise OSError(errno.ENOSPC, "the end of the recording is missing", str(self._path))

    def _is_ended(self) -> bool:
        """Rerun says nothing when there is no room for the end of a file."""
        with self._path.open("rb") as file:
            file.seek(-_END_BYTES, os.SEEK_END)
            return _END in file.read()

    def image(self, entity: Sequence[str], moment: Moment, image: np.ndarray) -> None:
        """(h, w, 3) uint8 RGB, kept as JPEG."""
        quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
        _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), quality)
        self._set(moment)
        self._stream.log(list(entity), self._rr.EncodedImage(contents=data.tobytes(), media_type="image/jpeg"))

    def number(self, entity: Sequence[str], moment: Moment, value: float) -> None:
        name = entity_path(entity)
        series = self._series[name]
        series.moments.append(moment)
        series.values.append(value)
        if len(series.values) >= _ROWS_AT_ONCE:
            self._send(name)

    def text(self, entity: Sequence[str], moment: Moment, text: str) -> None:
        self._set(moment)
        self._stream.log(list(entity), self._rr.TextLog(text))

    def document(self, entity: Sequence[str], text: str) -> None:
        """A text that holds all the time."""
        self._stream.log(list(entity), self._rr.TextDocument(text), static=True)

    def _set(self, moment: Moment) -> None:
        for timeline, at in moment.items():
            self._stream.set_time(timeline, **{_kind(at): at})

    def _send(self, entity: str) -> None:
        series = self._series.pop(entity)
        columns = []
        for timeline, at in series.moments[0].items():
            along: dict[str, Any] = {_kind(at): [moment[timeline] for moment in series.moments]}
            columns.append(self._rr.TimeColumn(timeline, **along))
        self._stream.send_columns(entity, columns, self._rr.Scalars.columns(scalars=series.values))

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Rerun tells a full disk by a text, or only by the end of its thread."""
        try:
            yield
        except RuntimeError as error:
            if f"os error {errno.ENOSPC}" in str(error) or shutil.disk_usage(self._path.parent).free < _FULL_BYTES:
                raise OSError(errno.ENOSPC, str(error)) from error
            raise UserError(f"Rerun could not write the recording: {error}") from error


def entity_path(entity: Sequence[str]) -> str:
    """Rerun's spelling of a path of names, special characters escaped."""
    import rerun as rr

    return rr.new_entity_path(list(entity))


def _kind(at: Any) -> str:
    return "sequence" if isinstance(at, int) else "duration" if isinstance(at, float) else "timestamp"
