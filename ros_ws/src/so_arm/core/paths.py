"""Where the files that travel with the package lie: launch/, mjcf/, urdf/, models/, calibration/."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def share_dir() -> Path:
    """Repository root in a checkout, else ``<prefix>/share/so_arm`` of an ament or pip installation."""
    checkout = Path(__file__).resolve().parents[4]
    if (checkout / "mjcf").is_dir() and (checkout / "package.xml").is_file():
        return checkout
    prefixes = [*os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep), sys.prefix]
    for prefix in filter(None, prefixes):
        share = Path(prefix) / "share" / "so_arm"
        if (share / "mjcf").is_dir():
            return share
    raise FileNotFoundError("the shared files of so_arm (mjcf/, launch/, ...) were not found; reinstall the package")
