"""Which OpenGL MuJoCo renders with: one that needs no display. MuJoCo decides when it is imported."""

from __future__ import annotations

import ctypes
import os
import sys

#: MuJoCo's names, and the libraries they need, best first.
_LIBRARIES = (("egl", "libEGL.so.1"), ("osmesa", "libOSMesa.so.8"), ("osmesa", "libOSMesa.so.6"))


def choose() -> None:
    """Set MUJOCO_GL to what this machine has, unless the user has set it."""
    if sys.platform == "linux":
        os.environ.setdefault("MUJOCO_GL", _best())


def _best() -> str:
    for name, library in _LIBRARIES:
        try:
            ctypes.CDLL(library)
        except OSError:
            continue
        return name
    return _LIBRARIES[0][0]  # rendering will say what to install
