import fcntl
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from so_arm.hardware import video_devices
from so_arm.hardware.camera_source import DEVICE, FILE, Source, SourceLost
from so_arm.hardware.video_devices import VideoDevice, busy, find_devices, why_not
from so_arm.hardware.video_reader import VideoReader


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """/dev and /sys of a machine with two USB cameras of two devices each."""
    dev, sys_folder, by_id = tmp_path / "dev", tmp_path / "sys", tmp_path / "dev" / "v4l" / "by-id"
    by_id.mkdir(parents=True)
    for number, name in enumerate(["Left Cam", "Left Cam", "Right Cam", "Right Cam"]):
        (dev / f"video{number}").touch()
        (sys_folder / f"video{number}").mkdir(parents=True)
        (sys_folder / f"video{number}" / "name").write_text(f"{name}\n")
    (by_id / "usb-Left_Cam_1234-video-index0").symlink_to(dev / "video0")
    monkeypatch.setattr(video_devices, "DEV", dev)
    monkeypatch.setattr(video_devices, "SYS", sys_folder)

    def ioctl(descriptor: int, request: int, answer: bytearray) -> None:
        assert request == 0x80685600 and len(answer) == 104
        is_first = int(str(Path(f"/proc/self/fd/{descriptor}").readlink())[-1]) % 2 == 0
        struct.pack_into("<I", answer, 88, 0x04200001 if is_first else 0x04A00000)

    monkeypatch.setattr(fcntl, "ioctl", ioctl)
    return dev


def test_cameras_by_name_and_stable_path_without_their_metadata(machine: Path) -> None:
    stable = machine / "v4l" / "by-id" / "usb-Left_Cam_1234-video-index0"
    assert find_devices() == [
        VideoDevice(str(machine / "video0"), "Left Cam", str(stable), None),
        VideoDevice(str(machine / "video2"), "Right Cam", "", None),
    ]
    assert "carries no pictures; a camera has several devices" in str(why_not(str(machine / "video1")))


def test_a_camera_without_permission_is_listed_with_what_to_do(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real_open = os.open

    def refuse(path: str, *rest: int) -> int:
        if str(path).endswith("video2"):
            raise PermissionError(13, "Permission denied")
        return real_open(path, *rest)

    monkeypatch.setattr(os, "open", refuse)
    assert find_devices()[1].problem == (
        f"no permission to open {machine / 'video2'}; add yourself to its group: sudo usermod -aG video $USER,"
        " then log in again"
    )
    with pytest.raises(SourceLost, match=r"no permission to open .*video2; add yourself to its group"):
        VideoReader(Source(DEVICE, str(machine / "video2")), (640, 480), 30.0, 1.0)


def test_who_has_a_device_open(tmp_path: Path) -> None:
    path = tmp_path / "video0"
    path.touch()
    assert busy(str(path)) is None
    with subprocess.Popen(
        [sys.executable, "-c", f"f = open({str(path)!r}); print(flush=True); input()"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as other:
        assert other.stdin and other.stdout
        other.stdout.readline()
        line = busy(str(path))
        other.stdin.close()
    assert line is not None and line.startswith(f"{path} is busy: ") and f"({other.pid}) has it open" in line


def test_devices_that_are_no_cameras_or_gone() -> None:
    assert why_not("/dev/null") == "/dev/null is not a camera"
    assert why_not("/dev/video99") == "/dev/video99 is not there; is the camera plugged in?"


def test_stable_names_are_devices_and_kept_as_they_are(tmp_path: Path) -> None:
    link = tmp_path / "usb-Cam-video-index0"
    link.symlink_to("/dev/null")  # a character device, as a camera is one
    assert Source.parse(str(link)) == Source(DEVICE, str(link))
    assert Source.parse(__file__) == Source(FILE, __file__)
