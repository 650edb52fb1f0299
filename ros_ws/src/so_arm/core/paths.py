"""Where files lie: those that travel with the package, and any others as a report tells them."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def share_dir() -> Path:
    """Folder of launch/, mjcf/, urdf/, models/ and calibration/.

    The repository in a checkout, else ``<prefix>/share/so_arm`` of an ament or pip installation.
    """
    checkout = Path(__file__).resolve().parents[4]
    if (checkout / "mjcf").is_dir() and (checkout / "package.xml").is_file():
        return checkout
    prefixes = [*os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep), sys.prefix]
    for prefix in filter(None, prefixes):
        share = Path(prefix) / "share" / "so_arm"
        if (share / "mjcf").is_dir():
            return share
    raise FileNotFoundError("the shared files of so_arm (mjcf/, launch/, ...) were not found; reinstall the package")


def from_here(path: Path) -> str:
    """`path` as seen from the working folder, so that a report can be shared; absolute where it lies elsewhere."""
    path, here = path.expanduser().absolute(), Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
