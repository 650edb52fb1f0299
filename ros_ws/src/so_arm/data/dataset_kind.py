"""Is a folder a LeRobot v3 dataset at all? If not, what it is, and how to make one of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from so_arm.core.errors import UserError
from so_arm.data.dataset_staging import FINISHED, INFO, RECORDING

VERSION = "v3.0"
_OLD_VERSION = "v2.1"


def require_dataset(root: Path) -> None:
    """UserError when `root` holds nothing of a LeRobot v3 dataset; a damaged one is one."""
    if not root.is_dir():
        raise UserError(f"{root} is not a folder; give the folder of a dataset")
    if not any((root / name).exists() for name in ("meta", "data", RECORDING, FINISHED)):
        raise not_a_dataset(root)
    try:
        info = json.loads((root / INFO).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if isinstance(info, dict) and "codebase_version" in info:
        check_version(root, info)


def check_version(root: Path, info: Mapping[str, Any]) -> None:
    """UserError when the metadata `info` of `root` are those of another version of the format."""
    version = info.get("codebase_version")
    if version != VERSION:
        cure = f"; so-arm import {root} -o DIR makes one" if version == _OLD_VERSION else ""
        raise UserError(f"{root} is a LeRobot dataset of version {version}, expected {VERSION}{cure}")


def not_a_dataset(root: Path) -> UserError:
    """What to say of a folder without the metadata of a dataset."""
    if any(root.glob("*.mcap")) or any(root.glob("*.db3")):
        return UserError(f"{root} is a bag, not a LeRobot dataset; so-arm bag to-dataset {root} -o DIR makes one")
    return UserError(f"{root} is not a LeRobot dataset: it has no {INFO}")
