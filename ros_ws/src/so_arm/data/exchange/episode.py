"""An episode on its way from one file format to another: every source gives it, every target takes it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np

#: Called with the number of frames that were dealt with since the last call.
OnFrames = Callable[[int], None]


@dataclass(frozen=True)
class Feature:
    """A column of numbers, as LeRobot describes it: NumPy dtype, shape of one row, names of its elements."""

    dtype: str
    shape: tuple[int, ...]
    names: Any = None


@dataclass(frozen=True)
class Layout:
    """What all episodes of a dataset have alike; keys are LeRobot's.

    images: key -> (height, width) [px]. units: of state and action as in ``meta/so_arm.json``, None where nobody
    tells. delta_actions: an action is a motion, not a target.
    """

    fps: int
    robot_type: str
    features: dict[str, Feature]
    images: dict[str, tuple[int, int]] = field(default_factory=dict)
    units: dict[str, str] | None = None
    delta_actions: bool = False


@dataclass(frozen=True)
class Episode:
    """T rows. columns: key -> (T, *shape). frames: key -> T images (h, w, 3) uint8 RGB in order, made when iterated."""

    columns: dict[str, np.ndarray]
    frames: Mapping[str, Iterable[np.ndarray]]
    task: str

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def images(self) -> Iterator[dict[str, np.ndarray]]:
        """The images of each row."""
        streams = {key: iter(frames) for key, frames in self.frames.items()}
        for _ in range(len(self)):
            yield {key: next(stream) for key, stream in streams.items()}


class Source(Protocol):
    """A dataset that is read episode by episode. warnings: one line for everything that is left out."""

    layout: Layout
    lengths: list[int]
    warnings: list[str]

    def episodes(self) -> Iterator[Episode]: ...
