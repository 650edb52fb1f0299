"""What the cameras of a live scene see, for a process that only draws."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np

from so_arm.sim.rendering import CAMERAS
from so_arm.sim.replay_render import SnapshotRenderer
from so_arm.sim.snapshot_board import SnapshotBoard


def camera_sources(board: SnapshotBoard, task: str, size: tuple[int, int]) -> dict[str, Callable[[], np.ndarray]]:
    """By camera a function that gives its image (height, width, 3) uint8 of the scene on `board` now.

    All of them belong to the thread that calls one first.
    """
    renderers: list[SnapshotRenderer] = []

    def look(camera: str) -> np.ndarray:
        if not renderers:
            renderers.append(SnapshotRenderer(task, size))
        renderers[0].show(board.read())
        return renderers[0].image(camera)

    return {camera: partial(look, camera) for camera in CAMERAS}
