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
#: Costly in software, and the policies' images do without.
_EFFECTS = (
    mujoco.mjtRndFlag.mjRND_SHADOW,
    mujoco.mjtRndFlag.mjRND_REFLECTION,
    mujoco.mjtRndFlag.mjRND_SKYBOX,
    mujoco.mjtRndFlag.mjRND_HAZE,
)
_PRETTY_EFFECTS = (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_SKYBOX)
#: What good-looking images get by with: half of the time in software goes into vertices and the shadow map.
_PRETTY_QUALITY = {"numquads": 1, "numslices": 20, "numstacks": 6}
_SHADOW_PX = 512
#: Half the side of the square with shadows, in extents of the scene; the smaller, the sharper they are.
_PRETTY_SHADOW_CLIP = 0.7


class CameraRenderer:
    """Renders named cameras of one model at one size (height, width). Belongs to the thread that made it."""

    def __init__(self, model: mujoco.MjModel, size: tuple[int, int], pretty: bool = False) -> None:
        height, width = size
        model.vis.quality.offsamples = 0
        model.vis.quality.shadowsize = _SHADOW_PX  # takes memory also when nothing is drawn with it
        if pretty:
            for name, value in _PRETTY_QUALITY.items():
                setattr(model.vis.quality, name, value)
            model.vis.map.shadowclip = _PRETTY_SHADOW_CLIP
        try:
            self._renderer = mujoco.Renderer(model, height, width)
        except Exception as error:  # every GL binding raises its own type when the library is missing
            raise UserError(f"{GL_HINT} ({opengl.problem or error})") from error
        self._pretty = pretty

    def render(self, data: mujoco.MjData, camera: str) -> np.ndarray:
        """Image (height, width, 3) uint8 of `camera` for the state in `data`."""
        self._renderer.update_scene(data, camera)
        for effect in _EFFECTS:
            self._renderer.scene.flags[effect] = self._pretty and effect in _PRETTY_EFFECTS
        return self._renderer.render()

    def close(self) -> None:
        self._renderer.close()
