"""Writes episodes as HDF5 files of LIBERO's form, one file per instruction."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from pathlib import Path

import h5py
import numpy as np

from so_arm.data.dataset_schema import ACTION, IMAGE_PREFIX, STATE
from so_arm.data.exchange.episode import Episode, Layout, OnFrames
from so_arm.data.exchange.hdf5_file import PatientFile, new_hdf5
from so_arm.data.exchange.instruction import file_stem
from so_arm.data.exchange.note import note_of
from so_arm.data.exchange.outcome import outcome

NOTE = "so_arm"
ORDER, INSTRUCTION = "episode_index", "language_instruction"
#: There in every file, from a column of the dataset or made.
REWARDS, DONES = "rewards", "dones"
_OBSERVATION = "observation."


def write_hdf5(folder: Path, layout: Layout, episodes: Iterable[Episode], on_frames: OnFrames) -> None:
    """Fill the new `folder`. Units of joints stay those of the dataset and are told in the attribute ``so_arm``."""
    folder.mkdir()
    places = places_of(layout)
    with ExitStack() as stack:
        files: dict[str, tuple[h5py.File, PatientFile]] = {}
        for number, episode in enumerate(episodes):
            stem = file_stem(episode.task)
            if stem not in files:
                files[stem] = stack.enter_context(new_hdf5(folder / f"{stem}.hdf5"))
                _describe(files[stem][0].create_group("data"), layout, places, episode.task)
            file, raw = files[stem]
            demo = _add_numbers(file["data"], number, places, episode)
            for _ in _add_images(demo, layout, places, episode):
                raw.check()
                on_frames(1)


def places_of(layout: Layout) -> dict[str, str]:
    """LeRobot key -> path within a demonstration."""
    state = "obs/state" if layout.delta_actions else "obs/joint_states"
    fixed = {ACTION: "actions", STATE: state, "reward": REWARDS, "done": DONES}
    fixed["observation.environment_state"] = "states"
    places = {key: fixed.get(key) or _place(key) for key in layout.features}
    return places | {key: f"obs/{_plain(key.removeprefix(IMAGE_PREFIX))}_rgb" for key in layout.images}


def _place(key: str) -> str:
    observed = key.startswith(_OBSERVATION)
    return f"obs/{_plain(key.removeprefix(_OBSERVATION))}" if observed else _plain(key)


def _plain(name: str) -> str:
    return name.replace(".", "_").replace("/", "_")


def _describe(data: h5py.Group, layout: Layout, places: dict[str, str], task: str) -> None:
    data.attrs["env_name"] = layout.robot_type
    data.attrs["problem_info"] = json.dumps({INSTRUCTION: task})
    data.attrs["env_args"] = json.dumps(
        {"env_name": layout.robot_type, "env_kwargs": {"control_freq": layout.fps, "robots": [layout.robot_type]}}
    )
    data.attrs["macros_image_convention"] = "opencv"  # the first row of an image is its top
    data.attrs["num_demos"] = 0
    data.attrs["total"] = 0
    data.attrs[NOTE] = json.dumps(note_of(layout, places))


def _add_numbers(data: h5py.Group, number: int, places: dict[str, str], episode: Episode) -> h5py.Group:
    """A new demonstration with everything but images."""
    demo = data.create_group(f"demo_{data.attrs['num_demos']}")
    demo.attrs["num_samples"] = len(episode)
    demo.attrs[ORDER] = number
    demo.attrs[INSTRUCTION] = episode.task
    for key, values in episode.columns.items():
        demo[places[key]] = values[:, 0] if values.shape[1:] == (1,) else values
    if REWARDS not in demo:
        demo[REWARDS] = outcome(episode).rewards.astype(np.uint8)
    if DONES not in demo:
        demo[DONES] = (np.arange(len(episode)) == len(episode) - 1).astype(np.uint8)
    data.attrs["num_demos"] += 1
    data.attrs["total"] += len(episode)
    return demo


def _add_images(demo: h5py.Group, layout: Layout, places: dict[str, str], episode: Episode) -> Iterator[int]:
    """Row after row; yields the rows that are written."""
    images = {
        key: demo.create_dataset(places[key], (len(episode), *size, 3), np.uint8, chunks=(1, *size, 3))
        for key, size in layout.images.items()
    }
    for row, of_row in enumerate(episode.images()):
        for key, image in of_row.items():
            images[key][row] = image
        yield row
