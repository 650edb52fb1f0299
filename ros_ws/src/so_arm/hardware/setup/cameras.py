"""Which cameras there are, and whether a frame comes from them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from so_arm.core.errors import UserError
from so_arm.hardware.camera import Camera
from so_arm.hardware.camera_source import DEVICE, Source
from so_arm.hardware.video_devices import VideoDevice, find_devices, why_not

#: A camera that was just plugged in takes its time.
PATIENCE_S = 4.0


class CameraReport(NamedTuple):
    device: VideoDevice
    size: tuple[int, int] | None  #: (width, height) of the frame that came
    verdict: str

    @property
    def source(self) -> str:
        """What to give the camera node: the name that stays the same after a replug, where there is one."""
        return self.device.stable_path or self.device.path


def cameras(also: Iterable[str]) -> list[VideoDevice]:
    """The devices of this machine, and URLs or files given by hand. UserError for what is not there."""
    found = find_devices()
    for text in also:
        source = Source.parse(text)
        problem = why_not(source.address) if source.kind == DEVICE else None
        if text not in (name for device in found for name in (device.path, device.stable_path)):
            found.append(VideoDevice(text, source.kind, "", problem))
    return found


def look(device: VideoDevice, size: tuple[int, int], fps: float) -> CameraReport:
    """Asks for frames as the camera node does: requested (width, height) and rate [Hz]."""
    if device.problem:
        return CameraReport(device, None, device.problem)
    try:
        camera = Camera(device.path, size, fps, loop=False, stall_timeout_s=PATIENCE_S)
    except UserError as error:  # pulled out a moment ago
        return CameraReport(device, None, str(error))
    frame = camera.wait(PATIENCE_S)
    state = camera.state
    camera.close()
    if frame is None:
        return CameraReport(device, None, state if state not in ("opening", "open") else "no frame came")
    height, width = frame.bgr.shape[:2]
    asked = "" if (width, height) == size else f", not {size[0]}x{size[1]} as requested"
    return CameraReport(device, (width, height), f"frames of {width}x{height}{asked}")
