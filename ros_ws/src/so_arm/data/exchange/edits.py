"""Changes to episodes on their way: images turned by 180 degrees, no-ops left out, fewer rows per second."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from so_arm.core.errors import UserError
from so_arm.data.dataset_schema import ACTION, INTERVENTION, REWARD, SUCCESS
from so_arm.data.exchange.episode import Episode, Layout

#: OpenVLA's bound: an action whose motion is smaller does nothing.
NO_OP_NORM = 1e-4
#: Columns that hold what happened, not a sample of a signal: rewards add up, marks stay.
MARKS = frozenset({SUCCESS, INTERVENTION, "done"})


@dataclass(frozen=True)
class Edits:
    """fps: rows per second afterwards, a divisor of the source's rate; None leaves it."""

    rotate_images: bool = False
    drop_no_ops: bool = False
    fps: int | None = None

    def layout(self, layout: Layout) -> Layout:
        """The layout afterwards; UserError when the rate cannot be had."""
        if self.fps is None:
            return layout
        if self.fps > layout.fps or layout.fps % self.fps:
            rates = [str(rate) for rate in range(1, layout.fps + 1) if layout.fps % rate == 0]
            raise UserError(f"--fps {self.fps} does not divide the source's {layout.fps}; choose {', '.join(rates)}")
        return replace(layout, fps=self.fps)

    def apply(self, layout: Layout, episode: Episode) -> Episode:
        """`episode` (which has the unedited `layout`) after the edits."""
        if self.drop_no_ops:
            episode = keep_rows(episode, working_rows(episode, layout.delta_actions), layout.delta_actions)
        if self.fps is not None and self.fps != layout.fps:
            rows = np.arange(0, len(episode), layout.fps // self.fps)
            episode = keep_rows(episode, rows, layout.delta_actions)
        if self.rotate_images:
            episode = replace(episode, frames={key: Turned(frames) for key, frames in episode.frames.items()})
        return episode


def working_rows(episode: Episode, delta_actions: bool) -> np.ndarray:
    """Numbers of the rows whose action does something; at least one row.

    Deltas: the motion of all but the last element (the gripper) is at least `NO_OP_NORM`, or the gripper differs from
    the last kept row. Targets: the same for the difference from the last kept target.
    """
    actions = episode.columns[ACTION]
    kept: list[int] = []
    for row, action in enumerate(actions):
        before = actions[kept[-1]] if kept else None
        motion = action[:-1] if delta_actions else None if before is None else (action - before)[:-1]
        moves = motion is None or float(np.linalg.norm(motion)) >= NO_OP_NORM
        if moves or (before is not None and action[-1] != before[-1]):
            kept.append(row)
    return np.array(kept or [0])


def keep_rows(episode: Episode, rows: np.ndarray, delta_actions: bool) -> Episode:
    """`rows` (ascending) of `episode`; each stands for the rows up to the next one.

    Rewards and deltas of those rows add up, marks stay. What happened before the first of `rows` counts to it.
    """
    columns = {key: _kept(key, values, rows, delta_actions) for key, values in episode.columns.items()}
    frames = {key: Kept(images, frozenset(rows.tolist())) for key, images in episode.frames.items()}
    return replace(episode, columns=columns, frames=frames)


def _kept(key: str, values: np.ndarray, rows: np.ndarray, delta_actions: bool) -> np.ndarray:
    starts = np.concatenate([[0], rows[1:]])
    if key == REWARD:
        return np.add.reduceat(values, starts)
    if key in MARKS:
        return np.logical_or.reduceat(values, starts).astype(values.dtype)
    if key == ACTION and delta_actions:
        gripper_last = values[np.concatenate([rows[1:], [len(values)]]) - 1, -1:]
        return np.concatenate([np.add.reduceat(values[:, :-1], starts), gripper_last], axis=1)
    return values[rows]


@dataclass(frozen=True)
class Kept:
    """The images of some rows."""

    frames: Iterable[np.ndarray]
    rows: frozenset[int]

    def __iter__(self) -> Iterator[np.ndarray]:
        return (image for row, image in enumerate(self.frames) if row in self.rows)


@dataclass(frozen=True)
class Turned:
    """Images turned by 180 degrees."""

    frames: Iterable[np.ndarray]

    def __iter__(self) -> Iterator[np.ndarray]:
        return (np.ascontiguousarray(image[::-1, ::-1]) for image in self.frames)
