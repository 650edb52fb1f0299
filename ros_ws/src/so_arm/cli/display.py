"""Is there a screen to open a window on?"""

from __future__ import annotations

import os
import warnings

from so_arm.core.errors import UserError

VARIABLES = ("DISPLAY", "WAYLAND_DISPLAY")


def require_display(option: str) -> None:
    """UserError when `option`, which opens a window, cannot work here."""
    if not any(os.environ.get(name) for name in VARIABLES):
        raise UserError(
            f"{option} needs a display, but {" and ".join(VARIABLES)} are not set; leave {option} away to run headless"
        )
    import glfw

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        works = glfw.init()
        glfw.terminate()
    if not works:
        named = ", ".join(f"{name}={os.environ[name]}" for name in VARIABLES if os.environ.get(name))
        raise UserError(f"{option}: the display ({named}) cannot be opened; leave {option} away to run headless")
