"""Reads HDF5 demonstrations of robosuite and LIBERO: groups ``data/demo_N`` in one file or a folder of them."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from so_arm.core.errors import UserError
from so_arm.data.exchange.episode import Episode, Feature, Layout
from so_arm.data.exchange.hdf5_columns import DEFAULT_FPS, Places, columns_of
from so_arm.data.exchange.hdf5_target import INSTRUCTION, NOTE, ORDER
from so_arm.data.exchange.instruction import from_file_name
from so_arm.data.exchange.note import read_note


@dataclass(frozen=True)
class _Demo:
    file: Path
    name: str
    length: int
    order: int
    task: str


@dataclass(frozen=True)
class Hdf5Images:
    """Images of one demonstration, read one by one from the open file."""

    stored: h5py.Dataset

    def __iter__(self) -> Iterator[np.ndarray]:
        return (self.stored[row] for row in range(len(self.stored)))


class Hdf5Source:
    """Demonstrations in `path`. instruction and fps: where the files tell none, or in place of what they tell."""

    def __init__(self, path: Path, instruction: str | None = None, fps: int | None = None) -> None:
        self.warnings: list[str] = []
        files = hdf5_files(path)
        if not files:
            raise UserError(f"{path} holds no .hdf5 file")
        self._demos: list[_Demo] = []
        self._places: Places = {}
        layout: Layout | None = None
        for file in files:
            with opened(file) as data:
                found, places, told = self._read_layout(data, file, fps)
                if layout is not None and (found, places) != (layout, self._places):
                    raise UserError(f"{file} has other arrays, rate or robot than {files[0]}; import them one by one")
                layout, self._places = found, places
                self._demos += self._read_demos(data, file, instruction, places)
                if not told:
                    self.warnings.append(f"{file.name} tells no control rate; {found.fps} Hz is taken (--source-fps)")
        assert layout is not None, "there is a file"
        self.layout = layout
        self._demos.sort(key=lambda demo: demo.order)
        self.lengths = [demo.length for demo in self._demos]

    def episodes(self) -> Iterator[Episode]:
        for demo in self._demos:
            with opened(demo.file) as data:
                group = data[demo.name]
                columns = {}
                for key, feature in self.layout.features.items():
                    columns[key] = _column(group, self._places[key], feature, demo)
                frames = {key: Hdf5Images(group[self._places[key][0]]) for key in self.layout.images}
                yield Episode(columns, frames, demo.task)

    def _read_layout(self, data: h5py.Group, file: Path, fps: int | None) -> tuple[Layout, Places, bool]:
        """Layout, places, and whether the file tells the rate."""
        if NOTE in data.attrs:
            layout, single = read_note(_json(data.attrs[NOTE]), f"{file}: attribute {NOTE}")
            return layout, {key: (place,) for key, place in single.items()}, True
        rate = fps or _control_rate(data)
        demo = data[demo_names(data, file)[0]]
        layout, places, left_out = columns_of(demo, f"{file}: {demo.name}", _robot(data), rate or DEFAULT_FPS)
        self.warnings += left_out
        return layout, places, rate is not None

    def _read_demos(self, data: h5py.Group, file: Path, instruction: str | None, places: Places) -> list[_Demo]:
        demos: list[_Demo] = []
        for name in data:
            if isinstance(data[name], h5py.Group) and "actions" not in data[name]:
                self.warnings.append(f"{file.name}: {name} has no actions and is left out")
        arrays = [place for parts in places.values() for place in parts]
        for name in demo_names(data, file):
            group = data[name]
            missing = [place for place in arrays if place not in group]
            if missing:
                raise UserError(f"{file}: {name} has no {', '.join(missing)}")
            sizes = {place: len(group[place]) for place in arrays}
            if len(set(sizes.values())) != 1:
                raise UserError(f"{file}: the arrays of {name} differ in length: {sizes}")
            length = next(iter(sizes.values()))
            if not length:
                self.warnings.append(f"{file.name}: {name} has no rows and is left out")
                continue
            order = int(group.attrs.get(ORDER, len(self._demos) + len(demos)))
            told = instruction or _text(group.attrs.get(INSTRUCTION)) or _instruction(data)
            demos.append(_Demo(file, name, length, order, told or from_file_name(file.stem)))
        if not demos:
            raise UserError(f"{file} holds no demonstration with rows")
        return demos


def _column(group: h5py.Group, parts: tuple[str, ...], feature: Feature, demo: _Demo) -> np.ndarray:
    """(T, *shape) of one LeRobot column."""
    stored = [np.asarray(group[part][()], dtype=feature.dtype).reshape(demo.length, -1) for part in parts]
    values = np.concatenate(stored, axis=1)
    if values.shape[1] != math.prod(feature.shape):
        raise UserError(
            f"{demo.file}: {' + '.join(parts)} of {demo.name} has {values.shape[1]} values, not {feature.shape}"
        )
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise UserError(f"{demo.file}: {' + '.join(parts)} of {demo.name} holds values that are not finite")
    return values.reshape(demo.length, *feature.shape)


def hdf5_files(path: Path) -> list[Path]:
    """`path` itself, or the .hdf5 files in it."""
    if path.is_file():
        return [path]
    return sorted(file for file in path.iterdir() if file.suffix in (".hdf5", ".h5"))


class opened:
    """The group ``data`` of an HDF5 file; UserError when the file is none, damaged, or has no such group."""

    def __init__(self, file: Path) -> None:
        self._path = file

    def __enter__(self) -> h5py.Group:
        try:
            self._file = h5py.File(self._path, "r")
        except OSError as error:
            raise UserError(f"{self._path} is no HDF5 file, or damaged: {error}") from error
        data = self._file.get("data")
        if not isinstance(data, h5py.Group):
            found = ", ".join(self._file) or "nothing"
            self._file.close()
            raise UserError(f"{self._path} has no group data with demonstrations; it has {found}")
        return data

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        self._file.close()
        if isinstance(error, OSError) and "read" in str(error):
            raise UserError(f"{self._path} is damaged: {error}") from error


def demo_names(data: h5py.Group, file: Path) -> list[str]:
    """Names of the demonstrations in the order of their numbers."""
    names = [name for name, group in data.items() if isinstance(group, h5py.Group) and "actions" in group]
    if not names:
        raise UserError(f"{file}: group data holds no demonstration (data/demo_N with actions)")
    return sorted(names, key=lambda name: (int(found[1]) if (found := re.search(r"(\d+)$", name)) else 0, name))


def _environment(data: h5py.Group) -> dict[str, Any]:
    """robosuite's arguments, which its versions keep in different places."""
    for name in ("env_args", "env_info"):
        told = _json(data.attrs.get(name))
        if isinstance(told, dict):
            kwargs = told.get("env_kwargs")
            return told | kwargs if isinstance(kwargs, dict) else told
    return {}


def _control_rate(data: h5py.Group) -> int | None:
    rate = _environment(data).get("control_freq")
    return round(rate) if isinstance(rate, int | float) and rate >= 1 else None


def _robot(data: h5py.Group) -> str:
    robots = _environment(data).get("robots")
    names = [robots] if isinstance(robots, str) else robots if isinstance(robots, list) else []
    return "_".join(str(name) for name in names).lower() or "unknown"


def _instruction(data: h5py.Group) -> str:
    told = _json(data.attrs.get("problem_info"))
    words = told.get(INSTRUCTION, "") if isinstance(told, dict) else ""
    return " ".join(" ".join(words).split() if isinstance(words, list) else str(words).split()).strip('"')


def _json(value: Any) -> Any:
    try:
        return json.loads(_text(value))
    except ValueError:
        return None


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value) if value is not None else ""
