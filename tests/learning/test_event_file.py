"""TensorBoard reads what was written, and a full disk is said where it happens."""

from __future__ import annotations

import resource
import signal
from pathlib import Path

import pytest

from so_arm.core.errors import UserError

pytestmark = pytest.mark.torch


def test_tensorboard_reads_it_and_forgets_what_was_purged(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    from so_arm.learning.event_file import EventFile

    for kept, steps in ((0, (0, 10, 20)), (10, (15, 30))):
        with EventFile(tmp_path / "board", kept) as board:
            for step in steps:
                board.add_scalars({"train/success": step / 20 + kept, "train/reward": 0.0}, step)
    read = EventAccumulator(str(tmp_path / "board")).Reload().Scalars("train/success")
    assert [(scalar.step, scalar.value) for scalar in read] == [(0, 0.0), (10, 0.5), (15, 10.75), (30, 11.5)]


def test_a_full_disk_is_said_where_it_happens(tmp_path: Path) -> None:
    """A file that may not grow fails as one on a full disk does."""
    from so_arm.learning.event_file import EventFile

    limits, action = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        board = EventFile(tmp_path, 0)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
        with pytest.raises(UserError, match=f"cannot write {tmp_path}/events"):
            board.add_scalars({"train/success": 1.0}, 0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, action)
