from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from so_arm.cli import main as cli_main
from so_arm.hardware import video_devices
from so_arm.hardware.mjpeg_server import MjpegServer


@pytest.fixture
def find(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setattr(cli_main, "_listen_to_signals", lambda *_: None)
    monkeypatch.setattr(video_devices, "DEV", tmp_path)
    return lambda *words: cli_main.main(["find-cameras", *words])


def test_a_frame_of_a_stream(find, capsys):
    with MjpegServer({"wrist": lambda: np.zeros((48, 64, 3), np.uint8)}) as server:
        url = server.url("wrist")
        assert find("--also", url, "--width", "64", "--height", "48", "--json", "-") == 0
    captured = capsys.readouterr()
    (camera,) = json.loads(captured.out)["cameras"]
    assert camera["source"] == url and camera["size"] == [64, 48] and camera["verdict"] == "frames of 64x48"
    assert "frames of 64x48" in captured.err


def test_one_that_was_asked_for_has_to_deliver_and_others_need_not(find, tmp_path, capsys):
    (tmp_path / "video0").touch()
    with MjpegServer({"wrist": lambda: np.zeros((48, 64, 3), np.uint8)}) as server:
        url = server.url("wrist")
        assert find("--also", url) == 0
        assert find("--also", url, "--also", str(tmp_path / "video0")) == 1


def test_a_device_that_is_no_camera(find, tmp_path, capsys):
    (tmp_path / "video0").touch()
    assert find("--json", "-") == 1
    (camera,) = json.loads(capsys.readouterr().out)["cameras"]
    assert camera["size"] is None and camera["verdict"].endswith("video0 is not a camera")


def test_no_camera_at_all_and_a_source_that_is_not_there(find, capsys):
    assert find() == 1
    assert "no camera; plug one in" in capsys.readouterr().out
    assert find("--also", "/dev/video99") == 2
    assert "camera source /dev/video99 does not exist" in capsys.readouterr().err
