"""Camera images of a scene: fast ones for policies, good-looking ones for people."""

from __future__ import annotations

import mujoco
import numpy as np

from so_arm.core.errors import UserError
from so_arm.sim import opengl

CAMERAS: tuple[str, ...] = ("static", "wrist")
#: (height, width) of the images that policies see by default; small, because rendering is in software.
POLICY_IMAGE_SIZE = (64, 64)
GL_HINT = (
    "no OpenGL for rendering: install libegl1 libgl1-mesa-dri libosmesa6 (Debian, Ubuntu) "
    "and set MUJOCO_GL=egl or MUJOCO_GL=osmesa"
)
#: Costly in software: without these a frame takes a thirteenth of the time.
_EFFECTS = (
    mujoco.mjtRndFlag.mjRND_SHADOW,
    mujoco.mjtRndFlag.mjRND_REFLECTION,
    mujoco.mjtRndFlag.mjRND_SKYBOX,
    mujoco.mjtRndFlag.mjRND_HAZE,
)
#: Side of the shadow map; twice as much looks hardly better and takes twice the time.
PRETTY_SHADOW_PX = 1024


class CameraRenderer:
    """Renders named cameras of one model at one size (height, width). Belongs to the thread that made it."""

    def __init__(self, model: mujoco.MjModel, size: tuple[int, int], pretty: bool = False) -> None:
        height, width = size
        model.vis.quality.offsamples = 4 if pretty else 0
        model.vis.quality.shadowsize = PRETTY_SHADOW_PX  # drawn only when pretty
        try:
            self._renderer = mujoco.Renderer(model, height, width)
        except Exception as error:  # every GL binding raises its own type when the library is missing
            raise UserError(f"{GL_HINT} ({opengl.problem or error})") from error
        self._pretty = pretty

    def render(self, data: mujoco.MjData, camera: str) -> np.ndarray:
        """Image (height, width, 3) uint8 of `camera` for the state in `data`."""
        self._renderer.update_scene(data, camera)
        for effect in _EFFECTS:
            self._renderer.scene.flags[effect] = self._pretty
        return self._renderer.render()

    def close(self) -> None:
        self._renderer.close()
