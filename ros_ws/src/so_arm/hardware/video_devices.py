"""Cameras of this machine as Linux lists them, and why one of them cannot be used."""

from __future__ import annotations

import fcntl
import os
import struct
from pathlib import Path
from typing import NamedTuple

DEV, SYS, PROC = Path("/dev"), Path("/sys/class/video4linux"), Path("/proc")
#: ioctl VIDIOC_QUERYCAP and its answer: driver, card, bus, version, capabilities, those of this node, reserved.
_QUERYCAP, _CAPABILITY = 0x80685600, struct.Struct("16s32s32sIII12x")
_VIDEO_CAPTURE = 0x00000001 | 0x00001000  # single- and multi-planar


class VideoDevice(NamedTuple):
    path: str  #: /dev/videoN, which may change with every plug
    name: str  #: what the camera calls itself
    stable_path: str  #: of /dev/v4l/by-id or by-path, empty when there is none
    problem: str | None  #: why it cannot be opened


def find_devices() -> list[VideoDevice]:
    """Those for pictures, ordered by number. A USB camera has further devices, for metadata: they are left out."""
    paths = sorted(DEV.glob("video[0-9]*"), key=lambda path: int(path.name[5:]))
    found = [(path, why_not(str(path))) for path in paths]
    return [
        VideoDevice(str(path), _name(path), _stable_path(path), problem)
        for path, problem in found
        if problem != _no_pictures(str(path))
    ]


def why_not(path: str) -> str | None:
    """One line that says what to do when a device cannot be opened as a camera; None when it can."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    except PermissionError:
        return (
            f"no permission to open {path}; add yourself to its group: sudo usermod -aG video $USER, then log in again"
        )
    except FileNotFoundError:
        return f"{path} is not there; is the camera plugged in?"
    except OSError as error:
        return busy(path) or f"{path} cannot be opened: {error.strerror}"
    try:
        answer = bytearray(_CAPABILITY.size)
        fcntl.ioctl(descriptor, _QUERYCAP, answer)
    except OSError:
        return f"{path} is not a camera"
    finally:
        os.close(descriptor)
    return None if _CAPABILITY.unpack(answer)[5] & _VIDEO_CAPTURE else _no_pictures(path)


def busy(path: str) -> str | None:
    """One line that names who has the device open; None when nobody else of this user has.

    Only for a device that gives no frames: some desktops hold every camera open without using it.
    """
    users = ", ".join(_users(path))
    return f"{path} is busy: {users} has it open; end that first" if users else None


def _no_pictures(path: str) -> str:
    return f"{path} carries no pictures; a camera has several devices, take the first of them"


def _users(path: str) -> list[str]:
    """Names and ids of other processes that have the device open, as far as this user may look."""
    target, found = os.path.realpath(path), []
    for folder in PROC.glob("[0-9]*"):
        try:
            if int(folder.name) != os.getpid() and any(
                str(link.readlink()) == target for link in (folder / "fd").iterdir()
            ):
                found.append(f"{(folder / 'comm').read_text().strip()} ({folder.name})")
        except OSError:
            continue  # of another user, or gone
    return found


def _name(path: Path) -> str:
    try:
        return (SYS / path.name / "name").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _stable_path(path: Path) -> str:
    for folder in ("by-id", "by-path"):
        for link in sorted((DEV / "v4l" / folder).glob("*")):
            if link.resolve() == path.resolve():
                return str(link)
    return ""
