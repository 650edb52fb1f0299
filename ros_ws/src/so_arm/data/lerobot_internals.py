"""What has to reach into LeRobot's dataset (0.6.1), whose API has no way to do it. All of that is here."""

from __future__ import annotations

import contextlib
from typing import Any

_ENCODER = "_streaming_encoder"


def stream_videos(dataset: Any, encoders: Any) -> None:
    """Have frames that are added to `dataset` go to `encoders` (a `VideoEncoders`), in place of LeRobot's own encoder.

    Where LeRobot's attribute is gone this must not pass unseen: it would store every frame as a PNG file first.
    """
    if not hasattr(dataset.writer, _ENCODER):
        raise RuntimeError(f"this LeRobot's dataset writer has no {_ENCODER}; so_arm needs lerobot 0.6.1")
    setattr(dataset.writer, _ENCODER, encoders)


def abandon(dataset: Any) -> None:
    """End its threads and close its files, and leave nothing that is written when it is collected.

    What they hold does not matter, so neither does what goes wrong, as on a full disk; each step has its turn.
    """
    for end in (dataset.clear_episode_buffer, dataset.finalize, dataset.meta._metadata_buffer.clear):
        with contextlib.suppress(Exception):
            end()
