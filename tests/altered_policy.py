"""The released policy with one thing changed; its weights are linked, not copied."""

from __future__ import annotations

import json
from pathlib import Path

from so_arm.cli.rollouts import released_policy


def policy_of_another_rate(folder: Path) -> Path:
    """It acts at 50 Hz."""
    return _altered(folder, "so_arm.json", '"fps": 30', '"fps": 50')


def policy_with_another_camera(folder: Path) -> Path:
    """It sees through "front" in place of "wrist"."""
    return _altered(folder, "config.json", "observation.images.wrist", "observation.images.front")


def _altered(folder: Path, file: str, old: str, new: str) -> Path:
    folder.mkdir()
    for path in released_policy().iterdir():
        if path.name != file:
            (folder / path.name).symlink_to(path)
    text = (released_policy() / file).read_text()
    assert old in text
    json.loads(text.replace(old, new))
    (folder / file).write_text(text.replace(old, new))
    return folder
