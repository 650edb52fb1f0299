"""The least that could record: takes the recorder's topics serialised, and encodes the images with PyAV alone.

`encoder.py OPTIONS TOPIC...`, the first two of them cameras; OPTIONS is JSON with fps, width, height, vcodec, pix_fmt
and the codec's options. Ends with its standard input; writes frames per camera, other messages and CPU seconds as JSON.
"""

from __future__ import annotations

import json
import queue
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.experimental.events_executor import EventsExecutor
from rclpy.qos import QoSProfile
from sensor_msgs.msg import Image, JointState


def main() -> None:
    options, topics = json.loads(sys.argv[1]), sys.argv[2:]
    counts = dict.fromkeys(topics, 0)
    with tempfile.TemporaryDirectory() as folder:
        queues: list[queue.SimpleQueue[bytes | None]] = [queue.SimpleQueue() for _ in topics[:2]]
        work = [
            threading.Thread(target=_encode, args=(frames, Path(folder) / f"{number}.mp4", options))
            for number, frames in enumerate(queues)
        ]
        for thread in work:
            thread.start()
        rclpy.init()
        node = rclpy.create_node("bare_encoder")
        for number, topic in enumerate(topics):
            take = queues[number].put if number < len(queues) else None
            kind = Image if take else DiagnosticStatus if topic == "/episode/info" else JointState
            node.create_subscription(kind, topic, _counted(counts, topic, take), QoSProfile(depth=1000), raw=True)
        executor = EventsExecutor()
        executor.add_node(node)
        ended = threading.Event()
        threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
        print("ready", flush=True)
        begun = time.process_time()
        while not ended.is_set():
            executor.spin_once(timeout_sec=0.5)
        for frames in queues:
            frames.put(None)
        for thread in work:
            thread.join()
        print(json.dumps({"cpu_s": time.process_time() - begun, "received": counts}), flush=True)


def _counted(counts: dict[str, int], topic: str, take: Callable[[bytes], None] | None) -> Callable[[bytes], None]:
    def on_message(raw: bytes) -> None:
        counts[topic] += 1
        if take is not None:
            take(raw)

    return on_message


def _encode(frames: queue.SimpleQueue[bytes | None], path: Path, options: dict[str, Any]) -> None:
    """Frames are the last bytes of their messages."""
    height, width, period = options["height"], options["width"], Fraction(1, options["fps"])
    av.logging.set_libav_level(av.logging.ERROR)
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(options["vcodec"], options["fps"], options=options["codec"])
        stream.pix_fmt, stream.height, stream.width, stream.time_base = options["pix_fmt"], height, width, period
        number = 0
        while (raw := frames.get()) is not None:
            pixels = np.frombuffer(raw, np.uint8)[-3 * height * width :].reshape(height, width, 3)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = number, period
            container.mux(stream.encode(frame))
            number += 1
        container.mux(stream.encode())


if __name__ == "__main__":
    main()
