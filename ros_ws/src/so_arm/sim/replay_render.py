"""Draw an episode again from its snapshots, at any size and quality, after the run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import mujoco
import numpy as np

from so_arm.sim.arm import load_model
from so_arm.sim.randomisation import randomise, ranges
from so_arm.sim.rendering import CAMERAS, CameraRenderer
from so_arm.sim.tasks import task_class


def render_frames(
    task: str,
    snapshots: np.ndarray,
    size: tuple[int, int],
    cameras: Sequence[str] = CAMERAS,
    seed: int = 0,
    randomisation: str = "none",
    pretty: bool = False,
) -> Iterator[tuple[np.ndarray, ...]]:
    """Per snapshot the images (height, width, 3) uint8 of `cameras`.

    `snapshots` (T, nq + 3) come from `SoArmEnv.snapshot`; `seed` and `randomisation` are the episode's.
    """
    scene = task_class(task).scene
    model = load_model(scene)
    if randomisation != "none":
        randomise(model, load_model(scene), ranges(randomisation), np.random.default_rng(seed))
    data = mujoco.MjData(model)
    renderer = CameraRenderer(model, size, pretty)
    try:
        for snapshot in snapshots:
            data.qpos[:] = snapshot[: model.nq]
            data.mocap_pos[0] = snapshot[model.nq :]
            mujoco.mj_forward(model, data)
            # A copy each: the renderer hands out one buffer again and again.
            yield tuple(renderer.render(data, camera).copy() for camera in cameras)
    finally:
        renderer.close()
