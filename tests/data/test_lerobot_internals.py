"""What reaches into LeRobot says so when LeRobot has changed, and is as it is in the LeRobot that is here."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from so_arm.data.lerobot_internals import abandon, stream_videos


def test_another_lerobot_is_named():
    with pytest.raises(RuntimeError, match="has no _streaming_encoder; so_arm needs lerobot"):
        stream_videos(SimpleNamespace(writer=SimpleNamespace()), object())


def test_every_step_of_an_end_has_its_turn():
    done: list[str] = []

    def fails() -> None:
        done.append("failed")
        raise OSError("the disk is full")

    meta = SimpleNamespace(_metadata_buffer=[{"episode_index": 0}])
    abandon(SimpleNamespace(clear_episode_buffer=fails, finalize=lambda: done.append("finalised"), meta=meta))
    assert (done, meta._metadata_buffer) == (["failed", "finalised"], [])


@pytest.mark.torch
def test_the_lerobot_that_is_here_has_them(tmp_path: Path):
    from lerobot.datasets import LeRobotDataset

    features = {"action": {"dtype": "float32", "shape": (1,), "names": None}}
    dataset = LeRobotDataset.create("local/set", fps=30, features=features, root=tmp_path / "set")
    encoders = SimpleNamespace(cancel_episode=lambda: None, close=lambda: None)
    stream_videos(dataset, encoders)
    assert dataset.writer._streaming_encoder is encoders
    abandon(dataset)
    assert dataset.meta._metadata_buffer == []
