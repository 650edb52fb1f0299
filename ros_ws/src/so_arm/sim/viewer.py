"""MuJoCo's interactive viewer beside a running simulation."""

from __future__ import annotations

import os
import warnings

from so_arm.core.errors import UserError
from so_arm.sim.arm import ArmSim


class Viewer:
    """A window on `arm`'s scene. `sync` shows the present state; closing the window does not stop anything."""

    def __init__(self, arm: ArmSim) -> None:
        require_display()
        import mujoco.viewer

        self._handle = mujoco.viewer.launch_passive(arm.model, arm.data, show_left_ui=False, show_right_ui=False)

    def sync(self) -> None:
        if self._handle.is_running():
            self._handle.sync()

    def close(self) -> None:
        self._handle.close()


def require_display() -> None:
    """UserError when no window can be opened; MuJoCo itself would wait for ever."""
    named = next((name for name in ("DISPLAY", "WAYLAND_DISPLAY") if os.environ.get(name)), None)
    if named is None:
        raise UserError("the viewer needs a display: neither DISPLAY nor WAYLAND_DISPLAY is set; run without it")
    import glfw

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not glfw.init():
            raise UserError(f"the viewer needs a display: {named}={os.environ[named]} cannot be opened; run without it")
