"""camera: images of a device, a file or a stream."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass

import cv2

from so_arm.hardware.camera import Camera, Frame
from so_arm.hardware.camera_info import read_calibration
from so_arm.nodes.camera_topics import CameraTopics
from so_arm.nodes.parameters import parameter
from so_arm.nodes.runtime import ERROR, OK, WARN, RuntimeNode, run

#: Share of the requested rate below which frames come too slowly.
SLOW = 0.8


@dataclass(frozen=True)
class Settings:
    source: str = parameter("0", "Device index or path, video file, or URL.")
    camera_name: str = parameter("static", "NAME publishes NAME_camera/image_raw.")
    width: int = parameter(640, "Requested width [px].", low=16, high=4096)
    height: int = parameter(480, "Requested height [px].", low=16, high=4096)
    fps: float = parameter(30.0, "Requested rate, and pace of a file; 0: as the source says [Hz].", low=0.0, high=240.0)
    loop: bool = parameter(True, "Start a file again at its end.")
    stall_timeout: float = parameter(
        1.0, "Without a frame for so long a device or stream is opened again [s].", low=0.1, high=60.0
    )
    wait_for_source: float = parameter(
        3.0, "Patience with a source that gives no picture yet at start [s].", low=0.0, high=600.0
    )
    camera_info_file: str = parameter("", "Calibration (YAML of camera_calibration): path or file:// URL.")


class CameraNode(RuntimeNode[Settings]):
    def __init__(self) -> None:
        super().__init__("camera", Settings)
        self._camera: Camera | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._publish_frames, name="publish", daemon=True)

    def setup(self) -> None:
        settings = self.settings
        self.refuse_other_publishers(f"{settings.camera_name}_camera/image_raw")
        size = settings.width, settings.height
        self._calibration = read_calibration(settings.camera_info_file) if settings.camera_info_file else None
        self._topics = CameraTopics(
            self, settings.camera_name, settings.height, settings.width, calibration=self._calibration
        )
        self._begun_s = time.monotonic()
        self._camera = Camera(settings.source, size, settings.fps, settings.loop, settings.stall_timeout)
        self._thread.start()
        self.get_logger().info(f"ready: {settings.source}")

    def close(self) -> None:
        self._closing.set()
        if self._camera is not None:
            self._camera.close()
        if self._thread.is_alive():
            self._thread.join(2.0)

    def check_health(self) -> tuple[bytes, str]:
        assert self._camera is not None
        # A plain dict copies at once, while the capture thread goes on counting.
        self.counts.update(Counter(dict(self._camera.counts)) - self.counts)
        settings, actual, rate = self.settings, self._camera.actual_size, self._camera.rate.read()
        self.readings["requested_size"] = f"{settings.width}x{settings.height}"
        self.readings["actual_size"] = "{}x{}".format(*actual) if actual else "none yet"
        self.readings["requested_rate_hz"] = f"{settings.fps:.1f}" if settings.fps else "as the source says"
        self.readings["actual_rate_hz"] = "none yet" if rate is None else f"{rate:.1f}"
        state = self._camera.state
        if state not in ("opening", "open"):
            if actual is None and time.monotonic() - self._begun_s < settings.wait_for_source:
                return OK, f"opening: {state}"
            return ERROR, f"camera {settings.camera_name}: {state}"
        doubts = self._doubts(actual, rate)
        return (WARN, "; ".join(doubts)) if doubts else (OK, state)

    def _doubts(self, actual: tuple[int, int] | None, rate: float | None) -> list[str]:
        """What the frames that come are not, although it was asked for."""
        settings, doubts = self.settings, []
        if actual and actual != (settings.width, settings.height):
            doubts.append(f"frames are {actual[0]}x{actual[1]}, not {settings.width}x{settings.height} as requested")
        if rate is not None and rate < SLOW * settings.fps:
            doubts.append(f"frames come at {rate:.1f} Hz, not at {settings.fps:.1f} Hz as requested")
        calibration = self._calibration
        if actual and calibration and calibration.for_size(*actual) is None:
            doubts.append(
                f"camera_info_file is of {calibration.width}x{calibration.height} images and not used for these"
            )
        return doubts

    def _publish_frames(self) -> None:
        assert self._camera is not None
        try:
            while not self._closing.is_set():
                frame = self._camera.wait(0.2)
                if frame is not None:
                    self._publish(frame)
        except Exception as error:
            if self.context.ok():
                self.fail(error)

    def _publish(self, frame: Frame) -> None:
        if frame.bgr.shape != self._topics.pixels.shape:
            self._topics.resize(*frame.bgr.shape[:2])
        if self._topics.wanted:
            cv2.cvtColor(frame.bgr, cv2.COLOR_BGR2RGB, dst=self._topics.pixels)
            self._topics.publish(frame.stamp_ns)
            self.counts["published"] += 1


def main() -> None:
    run(CameraNode)


if __name__ == "__main__":
    main()
