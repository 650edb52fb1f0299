"""Which OpenGL MuJoCo renders with. MuJoCo decides when it is imported, and fails there when it cannot have it."""

from __future__ import annotations

import ctypes
import os
import sys

_VARIABLE = "MUJOCO_GL"
#: Needs no display; best first. MuJoCo's name -> the libraries any of which will do.
_HEADLESS = {"egl": ("libEGL.so.1",), "osmesa": ("libOSMesa.so.8", "libOSMesa.so.6")}
_WINDOWED = ("glfw", "glx")
_DISABLED = "disable"

#: Why there is nothing to render with; empty when there is.
problem = ""


def choose() -> None:
    """Set MUJOCO_GL to what this machine has. Without any, physics works and rendering says what to install."""
    global problem
    if sys.platform != "linux":
        return
    wanted = os.environ.get(_VARIABLE, "").lower()
    available = [name for name, libraries in _HEADLESS.items() if any(map(_loads, libraries))]
    problem = _problem(wanted, available)
    if problem:
        os.environ[_VARIABLE] = _DISABLED
    elif not wanted:
        os.environ[_VARIABLE] = available[0]


def _problem(wanted: str, available: list[str]) -> str:
    if not wanted:
        return "" if available else "neither libEGL nor libOSMesa is here"
    if wanted in _HEADLESS:
        return "" if wanted in available else f"{_VARIABLE}={wanted}, but {_HEADLESS[wanted][0]} is not here"
    if wanted in _WINDOWED:
        return ""
    return f"{_VARIABLE}={wanted} is none of {', '.join((*_HEADLESS, *_WINDOWED))}"


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
