"""Two 640x480 cameras at 30 Hz with ACT running: frames lost, and their latency beside that of a 64-byte message.

Two `camera` nodes play a file whose frames are numbered by squares that survive compression, so a frame lost
anywhere between the file and the subscriber shows. `act_policy` sees both cameras and plans all the while.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from so_arm.core.paths import share_dir
from so_arm.launcher.background import running
from so_arm.launcher.environment import ros_environment
from so_arm.launcher.packages import command

CAMERAS = ("static", "wrist")
RATE_HZ = 30
WIDTH, HEIGHT = 640, 480
FRAMES = 256  # in the file, which is played again and again
BITS = 8
SQUARE_PX = 64
START_S = 60.0
BEACON = Path(__file__).parent / "bare" / "beacon.py"
POLICY = share_dir() / "models" / "act_pick_place"


def run(quick: bool) -> dict[str, Any]:
    """`ratio` is the share of frames lost."""
    seconds = 1.5 if quick else 60.0
    os.environ["ROS_DOMAIN_ID"] = str(20 + os.getpid() % 80)  # a domain of its own
    os.environ.update(ros_environment(os.environ))
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "numbered.avi"
        _write_film(film)
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        with running(_nodes(film, environment), environment):
            seen = _watch(seconds)
    lost = {name: _lost(seen.numbers[name]) for name in CAMERAS}
    received = {name: len(seen.numbers[name]) for name in CAMERAS}
    total = sum(received.values()) + sum(lost.values())
    latency = {name: np.array(values) / 1e6 for name, values in seen.latency_ns.items()}
    images = np.concatenate([latency[name] for name in CAMERAS])
    ratio = sum(lost.values()) / total
    expected = seconds * RATE_HZ
    return {
        "name": "images",
        "ratio": ratio,
        "target": 0.0,
        "passed": ratio == 0.0 and min(received.values()) >= 0.98 * expected and seen.chunks > 0,
        "frames_received": received,
        "frames_lost": lost,
        "rate_hz": {name: received[name] / seconds for name in CAMERAS},
        "p50_ms": float(np.median(images)),
        "p99_ms": float(np.percentile(images, 99)),
        "small_message_p50_ms": float(np.median(latency["beacon"])),
        "small_message_p99_ms": float(np.percentile(latency["beacon"], 99)),
        "act_chunks": seen.chunks,
        "seconds": seconds,
        "load_average": os.getloadavg()[0],
    }


def _write_film(path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (HEIGHT // 8, WIDTH // 8, 3), dtype=np.uint8)
    background = cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC)
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), RATE_HZ, (WIDTH, HEIGHT))
    for number in range(FRAMES):
        frame = background.copy()
        for bit in range(BITS):
            frame[:SQUARE_PX, bit * SQUARE_PX : (bit + 1) * SQUARE_PX] = 255 * (number >> bit & 1)
        writer.write(frame)
    writer.release()


def _number(image: np.ndarray) -> int:
    half = SQUARE_PX // 2
    return sum(int(image[half, bit * SQUARE_PX + half, 0] > 127) << bit for bit in range(BITS))


def _lost(numbers: list[int]) -> int:
    """Frames missing between the received ones; a frame that comes twice or late counts as a round lost."""
    steps = np.diff(np.array(numbers)) % FRAMES
    return int(np.sum((steps - 1) % FRAMES))


def _nodes(film: Path, environment: Mapping[str, str]) -> list[list[str]]:
    """Commands of both cameras, the policy and the beacon."""

    def node(name: str, *parameters: str, as_name: str = "") -> list[str]:
        words = [word for parameter in parameters for word in ("-p", parameter)]
        rename = ["-r", f"__node:={as_name}"] if as_name else []
        return [*command("so_arm", name, environment), "--ros-args", *rename, *words]

    cameras = [
        node("camera", f"source:={film}", f"camera_name:={name}", f"fps:={RATE_HZ}.0", as_name=f"{name}_camera")
        for name in CAMERAS
    ]
    policy = node("act_policy", f"policy_path:={POLICY}", "lockstep:=false")
    return [*cameras, policy, [sys.executable, str(BEACON), "/beacon", str(RATE_HZ)]]


class _Seen:
    """What arrived since the last `clear`."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.numbers: dict[str, list[int]] = {name: [] for name in CAMERAS}
        self.latency_ns: dict[str, list[int]] = {name: [] for name in (*CAMERAS, "beacon")}
        self.chunks = 0


def _watch(seconds: float) -> _Seen:
    import rclpy
    from diagnostic_msgs.msg import DiagnosticStatus
    from rclpy.experimental.events_executor import EventsExecutor
    from sensor_msgs.msg import Image, JointState
    from std_msgs.msg import String
    from trajectory_msgs.msg import JointTrajectory

    from so_arm.core.episode_info import RUNNING, EpisodeInfo
    from so_arm.nodes import qos
    from so_arm.nodes.messages import JointStateWriter, image_from_message, key_values, stamp_ns

    rclpy.init()
    node = rclpy.create_node("images_benchmark")
    executor = EventsExecutor()
    executor.add_node(node)
    seen = _Seen()

    def on_image(name: str) -> Callable[[Image], None]:
        def keep(message: Image) -> None:
            seen.latency_ns[name].append(time.time_ns() - stamp_ns(message.header.stamp))
            seen.numbers[name].append(_number(image_from_message(message)))

        return keep

    def on_beacon(message: String) -> None:
        seen.latency_ns["beacon"].append(time.time_ns() - int(message.data))

    def on_chunk(_: JointTrajectory) -> None:
        seen.chunks += 1

    for name in CAMERAS:
        node.create_subscription(Image, f"/{name}_camera/image_raw", on_image(name), qos.RECORDER)
    node.create_subscription(String, "/beacon", on_beacon, qos.RECORDER)
    node.create_subscription(JointTrajectory, "/policy/action_chunk", on_chunk, qos.RECORDER)
    episode = node.create_publisher(DiagnosticStatus, "/episode/info", qos.LATCHED)
    info = EpisodeInfo(id="benchmark", phase=RUNNING, task="pick_place")
    episode.publish(DiagnosticStatus(name=info.id, message=info.phase, values=key_values(info.to_text())))
    states = node.create_publisher(JointState, "/follower/joint_states", qos.STATE)
    writer, joints = JointStateWriter(with_velocity=True), np.zeros(6)
    node.create_timer(1.0 / RATE_HZ, lambda: states.publish(writer.write(time.time_ns(), joints, joints)))

    def spin(until: Callable[[], bool]) -> None:
        while not until():
            executor.spin_once(timeout_sec=0.1)

    deadline = time.monotonic() + START_S
    spin(lambda: time.monotonic() > deadline or (seen.chunks > 2 and all(seen.latency_ns.values())))
    silent = [name for name, values in seen.latency_ns.items() if not values]
    if silent or not seen.chunks:
        raise RuntimeError(f"silent for {START_S:.0f} s: {', '.join(silent) or 'act_policy'}")
    seen.clear()
    end = time.monotonic() + seconds
    spin(lambda: time.monotonic() > end)
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown()
    return seen
