"""Reads RLDS datasets of TensorFlow Datasets (TFRecord files) without TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from so_arm.core.errors import UserError
from so_arm.core.files import read_json
from so_arm.data.dataset_schema import ACTION, IMAGE_PREFIX, STATE
from so_arm.data.exchange import tf_example
from so_arm.data.exchange.delta_names import DELTA_NAMES
from so_arm.data.exchange.episode import Episode, Feature, Layout
from so_arm.data.exchange.hdf5_columns import DEFAULT_FPS
from so_arm.data.exchange.note import read_note
from so_arm.data.exchange.rlds_features import IMAGE, TENSOR, TEXT, Leaf, read_features
from so_arm.data.exchange.rlds_target import INSTRUCTION, NOTE_FILE, shard_name
from so_arm.data.exchange.source_format import rlds_folders
from so_arm.data.exchange.tfrecord import read_records
from so_arm.data.exchange.video_frames import decoded

_STEPS, _OBSERVATION = "steps/", "observation/"
#: What the order of the steps tells already, or is 1 everywhere.
_IMPLIED = frozenset({"is_first", "is_last", "is_terminal", "discount"})


@dataclass(frozen=True)
class JpegFrames:
    """Encoded images of one episode."""

    encoded: list[bytes]
    where: str

    def __iter__(self) -> Iterator[np.ndarray]:
        return (decoded(data, f"{self.where}, step {number}") for number, data in enumerate(self.encoded))


class RldsSource:
    """Episodes of all splits in `path`: the folder with features.json, or one above it.

    instruction and fps: in place of what the dataset tells; it tells no rate unless it was exported here.
    """

    def __init__(self, path: Path, instruction: str | None = None, fps: int | None = None) -> None:
        self._root = rlds_root(path)
        self._instruction = instruction
        self._info = read_json(self._root / "dataset_info.json")
        self._leaves = read_features(read_json(self._root / "features.json"), str(self._root / "features.json"))
        self._shards = self._find_shards()
        self.warnings: list[str] = []
        note = self._root / NOTE_FILE
        if note.is_file():
            self.layout, self._places = read_note(read_json(note), str(note))
        else:
            self.layout, self._places = self._layout_from_features(fps)
        self.lengths = [self._length(example) for example in self._examples()]
        if not self.lengths:
            raise UserError(f"{self._root} holds no episode")

    def episodes(self) -> Iterator[Episode]:
        for number, example in enumerate(self._examples()):
            yield self._episode(example, f"{self._root}: episode {number}")

    def _find_shards(self) -> list[tuple[Path, int]]:
        """Files and how many records each has."""
        try:
            shards = [
                (shard_name(self._info["name"], split["name"], number, len(split["shardLengths"])), int(length))
                for split in self._info["splits"]
                for number, length in enumerate(split["shardLengths"])
            ]
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{self._root / 'dataset_info.json'} is damaged: {error!r}") from error
        if self._info.get("fileFormat", "tfrecord") != "tfrecord":
            raise UserError(f"{self._root} holds {self._info['fileFormat']} files; only tfrecord is read here")
        if missing := [name for name, _ in shards if not (self._root / name).is_file()]:
            raise UserError(f"{self._root} is incomplete: {missing[0]} is missing")
        return [(self._root / name, length) for name, length in shards]

    def _examples(self) -> Iterator[dict[str, list[bytes] | np.ndarray]]:
        for path, expected in self._shards:
            found = 0
            for record in read_records(path):
                try:
                    yield tf_example.decode(record)
                except ValueError as error:
                    raise UserError(f"{path}: record {found} is no tf.train.Example: {error}") from error
                found += 1
            if found != expected:
                raise UserError(f"{path} has {found} of the {expected} records that dataset_info.json lists")

    def _length(self, example: dict[str, Any]) -> int:
        place = _STEPS + self._places[ACTION]
        if place not in example:
            raise UserError(f"{self._root}: an episode has no {place}; it has {', '.join(example)}")
        return len(example[place]) // math.prod(self.layout.features[ACTION].shape)

    def _episode(self, example: dict[str, Any], where: str) -> Episode:
        length = self._length(example)
        columns = {}
        for key, feature in self.layout.features.items():
            values = _listed(example, self._places[key], length * math.prod(feature.shape), where)
            columns[key] = np.asarray(values, dtype=feature.dtype).reshape(length, *feature.shape)
            if columns[key].dtype.kind == "f" and not np.isfinite(columns[key]).all():
                raise UserError(f"{where}: {self._places[key]} holds values that are not finite")
        frames = {
            key: JpegFrames(_listed(example, self._places[key], length, where), f"{where}: {self._places[key]}")
            for key in self.layout.images
        }
        return Episode(columns, frames, self._instruction or self._told(example))

    def _told(self, example: dict[str, Any]) -> str:
        for place in (INSTRUCTION, f"{_OBSERVATION}natural_language_instruction"):
            if words := example.get(_STEPS + place):
                return words[0].decode(errors="replace")
        return ""

    def _layout_from_features(self, fps: int | None) -> tuple[Layout, dict[str, str]]:
        steps = {path.removeprefix(_STEPS): leaf for path, leaf in self._leaves.items() if path.startswith(_STEPS)}
        if ACTION not in steps or steps[ACTION].kind != TENSOR:
            raise UserError(f"{self._root}: steps have no action that is one array; they have {', '.join(steps)}")
        if fps is None:
            self.warnings.append(f"RLDS tells no rate; {DEFAULT_FPS} Hz is taken (--source-fps)")
        layout = Layout(fps or DEFAULT_FPS, "unknown", {}, {}, delta_actions=steps[ACTION].shape == (len(DELTA_NAMES),))
        places: dict[str, str] = {}
        for path, leaf in steps.items():
            if path in _IMPLIED or leaf.kind == TEXT:
                continue
            key = _key(path, leaf)
            if leaf.kind == IMAGE and len(leaf.shape) == 3 and leaf.shape[2] == 3:
                layout.images[key] = (leaf.shape[0], leaf.shape[1])
            elif leaf.kind == TENSOR and len(leaf.shape) <= 1:
                layout.features[key] = _feature(key, path, leaf)
            else:
                self.warnings.append(f"{path} is left out: it is neither images nor rows of numbers")
                continue
            places[key] = path
        if STATE not in layout.features:
            raise UserError(f"{self._root}: steps have no observation/state; they have {', '.join(steps)}")
        return layout, places


def rlds_root(path: Path) -> Path:
    """The one folder with features.json in `path` or at most two levels below."""
    found = rlds_folders(path)
    if not found:
        raise UserError(f"{path} is no RLDS dataset: there is no features.json")
    if len(found) > 1:
        raise UserError(f"{path} holds several datasets; choose one: {', '.join(map(str, found))}")
    return found[0]


def _listed(example: dict[str, Any], place: str, count: int, where: str) -> Any:
    values = example.get(_STEPS + place, [])
    if len(values) != count:
        raise UserError(f"{where}: {place} has {len(values)} of {count} values")
    return values


def _key(path: str, leaf: Leaf) -> str:
    if path == f"{_OBSERVATION}state":
        return STATE
    name = path.removeprefix(_OBSERVATION).replace("/", "_")
    if leaf.kind == IMAGE:
        return IMAGE_PREFIX + name
    return f"observation.{name}" if path.startswith(_OBSERVATION) else name


def _feature(key: str, path: str, leaf: Leaf) -> Feature:
    size = leaf.shape[0] if leaf.shape else 1
    deltas = key == ACTION and size == len(DELTA_NAMES)
    numbered = [f"{path.rpartition('/')[2]}_{number}" for number in range(size)]
    names = DELTA_NAMES if deltas else numbered if leaf.shape else None
    return Feature("float32" if leaf.dtype.startswith(("float", "bfloat")) else leaf.dtype, (size,), names)
