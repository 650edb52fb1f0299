"""A policy folder for commands that want one and do not care what it does."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "learning" / "act"))


def tiny_policy(run: Path) -> Path:
    """The policy of a training of two steps in the folder `run`."""
    from tiny import tiny_arrays, tiny_settings

    from so_arm.learning.act.train import TrainingRun

    settings = tiny_settings(steps=2, chunk_size=50)
    return TrainingRun(run, Path("dataset"), tiny_arrays(), settings).run(lambda report: None)
