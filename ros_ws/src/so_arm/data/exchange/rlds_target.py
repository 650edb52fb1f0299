"""Writes episodes as an RLDS dataset that TensorFlow Datasets opens, in the form of LIBERO's, without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import cv2
import numpy as np

from so_arm.core import files
from so_arm.core.errors import UserError
from so_arm.data.dataset_schema import ACTION, IMAGE_PREFIX, STATE
from so_arm.data.exchange import tf_example
from so_arm.data.exchange.episode import Episode, Layout, OnFrames
from so_arm.data.exchange.note import note_of
from so_arm.data.exchange.outcome import outcome
from so_arm.data.exchange.rlds_features import IMAGE, TENSOR, TEXT, Leaf, features_json
from so_arm.data.exchange.tfrecord import FRAMING, write_record

VERSION, SPLIT, NOTE_FILE = "1.0.0", "train", "so_arm.json"
INSTRUCTION = "language_instruction"
JPEG_QUALITY = 95
_SHARD_BYTES = 200 * 2**20
_OBSERVATION = "observation/"
_HAND = ("wrist", "hand", "gripper")
_ALWAYS = {
    "discount": Leaf(TENSOR, "float32"),
    "reward": Leaf(TENSOR, "float32"),
    "is_first": Leaf(TENSOR, "bool"),
    "is_last": Leaf(TENSOR, "bool"),
    "is_terminal": Leaf(TENSOR, "bool"),
    INSTRUCTION: Leaf(TEXT),
}
_EPISODE = {"file_path": Leaf(TEXT), "episode_id": Leaf(TENSOR, "int32")}


def write_rlds(
    folder: Path, name: str, origin: str, layout: Layout, episodes: Iterable[Episode], on_frames: OnFrames
) -> None:
    """Fill the new folder with ``NAME/1.0.0``. origin: told as each episode's file_path."""
    root = folder / name / VERSION
    root.mkdir(parents=True)
    places = places_of(layout)
    shards = _Shards(root, name)
    with shards:
        for number, episode in enumerate(episodes):
            features = _steps(layout, places, episode, on_frames)
            told: dict[str, list[bytes] | np.ndarray] = {
                "file_path": [origin.encode()],
                "episode_id": np.array([number]),
            }
            features |= {f"episode_metadata/{key}": values for key, values in told.items()}
            shards.write(tf_example.encode(features))
    episode_leaves = {f"episode_metadata/{key}": leaf for key, leaf in _EPISODE.items()}
    files.write_json(root / "features.json", features_json(_step_leaves(layout, places), episode_leaves))
    files.write_json(root / "dataset_info.json", _dataset_info(name, shards))
    files.write_json(root / NOTE_FILE, note_of(layout, places))


def places_of(layout: Layout) -> dict[str, str]:
    """LeRobot key -> path in a step. The first camera on the hand is wrist_image, the first other one image."""
    fixed = {STATE: f"{_OBSERVATION}state", ACTION: "action", "reward": "reward"}
    fixed["observation.joint_states"] = f"{_OBSERVATION}joint_state"
    places = {key: fixed.get(key) or _place(key) for key in layout.features}
    for key in layout.images:
        camera = key.removeprefix(IMAGE_PREFIX)
        usual = "wrist_image" if any(word in camera for word in _HAND) else "image"
        taken = f"{_OBSERVATION}{usual}" in places.values()
        places[key] = f"{_OBSERVATION}{_plain(camera)}_image" if taken else f"{_OBSERVATION}{usual}"
    if clash := [place for place in places.values() if place != "reward" and place in _ALWAYS]:
        raise UserError(f"the dataset has a column {clash[0]}, which RLDS keeps for itself")
    return places


def _place(key: str) -> str:
    observed = key.startswith("observation.")
    return _OBSERVATION + _plain(key.removeprefix("observation.")) if observed else _plain(key)


def _plain(name: str) -> str:
    return name.replace(".", "_").replace("/", "_")


def _step_leaves(layout: Layout, places: dict[str, str]) -> dict[str, Leaf]:
    leaves = dict(_ALWAYS)
    for key, feature in layout.features.items():
        leaves.setdefault(places[key], Leaf(TENSOR, feature.dtype, () if feature.shape == (1,) else feature.shape))
    for key, size in layout.images.items():
        leaves[places[key]] = Leaf(IMAGE, "uint8", (*size, 3))
    return leaves


def _steps(
    layout: Layout, places: dict[str, str], episode: Episode, on_frames: OnFrames
) -> dict[str, list[bytes] | np.ndarray]:
    row = np.arange(len(episode))
    last = row == len(episode) - 1
    end = outcome(episode)
    steps: dict[str, list[bytes] | np.ndarray] = {places[key]: values for key, values in episode.columns.items()}
    steps |= {
        "discount": np.ones(len(episode), np.float32),
        "reward": end.rewards,
        "is_first": row == 0,
        "is_last": last,
        "is_terminal": last & end.success,
        INSTRUCTION: [episode.task.encode()] * len(episode),
    }
    pictures: dict[str, list[bytes]] = {places[key]: [] for key in layout.images}
    for images in episode.images():
        for key, image in images.items():
            pictures[places[key]].append(_jpeg(image))
        on_frames(1)
    return {f"steps/{path}": values for path, values in (steps | pictures).items()}


def _jpeg(image: np.ndarray) -> bytes:
    """Colours at full resolution: a small object is a few pixels."""
    quality = [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]
    sampling = [cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444]
    _, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [*quality, *sampling])
    return data.tobytes()


class _Shards:
    """Files of at most `_SHARD_BYTES` and an episode; their names tell how many there are, so they come last."""

    def __init__(self, root: Path, name: str) -> None:
        self._root = root
        self._name = name
        self._paths: list[Path] = []
        self.lengths: list[int] = []
        self.bytes = 0
        self._room = 0

    def __enter__(self) -> _Shards:
        return self

    def write(self, data: bytes) -> None:
        if self._room < len(data):
            self._paths.append(self._root / f"{len(self._paths)}.part")
            self.lengths.append(0)
            self._room = _SHARD_BYTES
        with self._paths[-1].open("ab") as file:
            write_record(file, data)
        self.lengths[-1] += 1
        self.bytes += len(data)
        self._room -= len(data) + FRAMING

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            for number, path in enumerate(self._paths):
                path.replace(self._root / shard_name(self._name, SPLIT, number, len(self._paths)))


def shard_name(name: str, split: str, number: int, total: int) -> str:
    return f"{name}-{split}.tfrecord-{number:05d}-of-{total:05d}"


def _dataset_info(name: str, shards: _Shards) -> dict[str, object]:
    split = {
        "filepathTemplate": "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}",
        "name": SPLIT,
        "numBytes": str(shards.bytes),
        "shardLengths": [str(length) for length in shards.lengths],
    }
    return {
        "fileFormat": "tfrecord",
        "name": name,
        "releaseNotes": {VERSION: "Exported from a LeRobot dataset."},
        "splits": [split],
        "version": VERSION,
    }
