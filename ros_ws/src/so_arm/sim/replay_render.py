"""Draw an episode again from its snapshots, at any size and quality, after the run."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import mujoco
import numpy as np

from so_arm.sim.arm import load_model
from so_arm.sim.randomisation import randomise, ranges
from so_arm.sim.rendering import CAMERAS, CameraRenderer
from so_arm.sim.tasks import task_class


class SnapshotRenderer:
    """Draws a task's scene from snapshots (nq + 3,) as `SoArmEnv.snapshot` gives them. Belongs to one thread."""

    def __init__(
        self, task: str, size: tuple[int, int], seed: int = 0, randomisation: str = "none", pretty: bool = False
    ) -> None:
        scene = task_class(task).scene
        self._model = load_model(scene)
        if randomisation != "none":
            randomise(self._model, load_model(scene), ranges(randomisation), np.random.default_rng(seed))
        self._data = mujoco.MjData(self._model)
        self._renderer = CameraRenderer(self._model, size, pretty)

    def show(self, snapshot: np.ndarray) -> None:
        self._data.qpos[:] = snapshot[: self._model.nq]
        self._data.mocap_pos[0] = snapshot[self._model.nq :]
        mujoco.mj_forward(self._model, self._data)

    def image(self, camera: str) -> np.ndarray:
        """Image (height, width, 3) uint8 of what was shown last, a copy."""
        return self._renderer.render(self._data, camera).copy()  # it hands out one buffer again and again

    def close(self) -> None:
        self._renderer.close()


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
    renderer = SnapshotRenderer(task, size, seed, randomisation, pretty)
    try:
        for snapshot in snapshots:
            renderer.show(snapshot)
            yield tuple(renderer.image(camera) for camera in cameras)
    finally:
        renderer.close()
