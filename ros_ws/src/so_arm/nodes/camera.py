"""camera: images of a device, a file or a stream."""

from __future__ import annotations

import threading
from collections import Counter
from dataclasses import dataclass

import cv2

from so_arm.hardware.camera import Camera, Frame
from so_arm.nodes.camera_topics import CameraTopics
from so_arm.nodes.parameters import parameter
from so_arm.nodes.runtime import ERROR, OK, WARN, RuntimeNode, run


@dataclass(frozen=True)
class Settings:
    source: str = parameter("0", "Device index or path, video file, or URL.")
    camera_name: str = parameter("static", "NAME publishes NAME_camera/image_raw.")
    width: int = parameter(640, "Requested width [px].", low=16, high=4096)
    height: int = parameter(480, "Requested height [px].", low=16, high=4096)
    fps: float = parameter(30.0, "Rate of a device, pace of a file; 0: as it says [Hz].", low=0.0, high=240.0)
    loop: bool = parameter(True, "Start a file again at its end.")


class CameraNode(RuntimeNode[Settings]):
    def __init__(self) -> None:
        super().__init__("camera", Settings)
        self._camera: Camera | None = None
        self._closing = threading.Event()
        self._thread = threading.Thread(target=self._publish_frames, name="publish", daemon=True)

    def setup(self) -> None:
        settings = self.settings
        self.refuse_other_publishers(f"{settings.camera_name}_camera/image_raw")
        self._topics = CameraTopics(self, settings.camera_name, settings.height, settings.width)
        self._camera = Camera(settings.source, (settings.width, settings.height), settings.fps, settings.loop)
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
        requested = (self.settings.width, self.settings.height)
        actual = self._camera.actual_size
        self.readings["requested_size"] = "{}x{}".format(*requested)
        self.readings["actual_size"] = "{}x{}".format(*actual) if actual else "none yet"
        if self._camera.state not in ("opening", "open"):
            return ERROR, self._camera.state
        if actual and actual != requested:
            return WARN, f"frames are {actual[0]}x{actual[1]}, not {requested[0]}x{requested[1]} as requested"
        return OK, self._camera.state

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
