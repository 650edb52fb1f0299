"""Two 640x480 cameras at 30 Hz and 100 Hz states recorded: CPU of the recorder / of the bare encoder; nothing lost.

The recorder node and a minimal process that receives the same topics and runs the bare encoder (PyAV) with the same
settings work at the same time. Frames come from a film. `ratio` counts the CPU time of all threads of either process,
from the first message to the finished episode or video.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from so_arm.launcher.background import reporting
from so_arm.launcher.environment import ros_environment

TARGET = 1.3
CAMERAS = ("static", "wrist")
FPS, STATE_HZ = 30, 100
WIDTH, HEIGHT = 640, 480
FILM_FRAMES = 90
START_S = 120.0
RECORDER = Path(__file__).parent / "beside" / "measured_recorder.py"
ENCODER = Path(__file__).parent / "bare" / "encoder.py"
TOPICS = ("/static_camera/image_raw", "/wrist_camera/image_raw", "/follower/joint_states", "/follower/joint_commands")
_NS = 1_000_000_000


def run(quick: bool) -> dict[str, Any]:
    ticks = FPS * (2 if quick else 120)
    os.environ["ROS_DOMAIN_ID"] = str(20 + os.getpid() % 80)  # a domain of its own
    os.environ.update(ros_environment(os.environ))
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with tempfile.TemporaryDirectory() as folder:
        film = Path(folder) / "film.avi"
        _write_film(film)
        root = Path(folder) / "set"
        arguments = ["-p", f"output:={root}", "-p", f"fps:={FPS}", "-p", "instruction:=Benchmark."]
        recorder = [sys.executable, str(RECORDER), "--ros-args", *arguments]
        bare = [sys.executable, str(ENCODER), _encoder_options(), *TOPICS, "/episode/info"]
        with reporting(bare, environment) as finish_bare, reporting(recorder, environment) as finish_recorder:
            published, status = _publish(_frames(film), ticks)
            ours, theirs = finish_recorder(), finish_bare()
        info = json.loads((root / "meta" / "info.json").read_text())
        note = json.loads((root / "meta" / "so_arm.json").read_text())["notes"][0]
    lost = {topic: count - note["streams"][topic.strip("/")]["received"] for topic, count in published.items()}
    ratio = ours["cpu_s"] / theirs["cpu_s"]
    exact = info["total_frames"] == ticks and status == "saved"
    return {
        "name": "record",
        "ratio": ratio,
        "target": TARGET,
        "passed": ratio <= TARGET and exact and not any(lost.values()),
        "rows": info["total_frames"],
        "rows_expected": ticks,
        "messages_published": published,
        "messages_lost": lost,
        "messages_lost_by_bare": {topic: count - theirs["received"][topic] for topic, count in published.items()},
        "result": status,
        "recorder_cpu_s": ours["cpu_s"],
        "bare_cpu_s": theirs["cpu_s"],
        "seconds": ticks / FPS,
        "load_average": os.getloadavg()[0],
    }


def _encoder_options() -> str:
    from so_arm.data.dataset_video import video_encoder

    config = video_encoder([(HEIGHT, WIDTH)] * len(CAMERAS))
    codec = config.get_codec_options(1, as_strings=True)
    return json.dumps(
        {"fps": FPS, "width": WIDTH, "height": HEIGHT, "vcodec": config.vcodec, "pix_fmt": config.pix_fmt}
        | {"codec": codec}
    )


def _write_film(path: Path) -> None:
    """A still scene with something that moves in it, seen by a sensor with noise."""
    chance = np.random.default_rng(0)
    background = cv2.resize(chance.integers(40, 215, (30, 40, 3), dtype=np.uint8), (WIDTH, HEIGHT))
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), FPS, (WIDTH, HEIGHT))
    for number in range(FILM_FRAMES):
        frame = background + chance.normal(0.0, 2.0, (HEIGHT, WIDTH, 1))
        frame[180:260, 4 * number : 4 * number + 80] = (30, 30, 200)
        writer.write(np.clip(frame, 0, 255).astype(np.uint8))
    writer.release()


def _frames(film: Path) -> list[np.ndarray]:
    capture = cv2.VideoCapture(str(film))
    frames = []
    while (read := capture.read())[0]:
        frames.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
    return frames


def _publish(frames: list[np.ndarray], ticks: int) -> tuple[dict[str, int], str]:
    """One episode in real time; messages per topic, and what the recorder says became of it."""
    import rclpy
    from diagnostic_msgs.msg import DiagnosticStatus
    from rclpy.executors import SingleThreadedExecutor
    from sensor_msgs.msg import Image, JointState

    from so_arm.core.clock import date_ns
    from so_arm.core.episode_info import ENDED, RUNNING, SUCCESS, EpisodeInfo
    from so_arm.nodes import qos
    from so_arm.nodes.episode_topic import EpisodeTopic
    from so_arm.nodes.messages import ImageWriter, JointStateWriter, texts_of

    rclpy.init()
    node = rclpy.create_node("record_benchmark")
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    heard: list[DiagnosticStatus] = []
    node.create_subscription(DiagnosticStatus, "/recorder/status", heard.append, qos.LATCHED)
    episodes = EpisodeTopic(node)
    images = [node.create_publisher(Image, topic, qos.IMAGE) for topic in TOPICS[:2]]
    states = node.create_publisher(JointState, TOPICS[2], qos.STATE)
    commands = node.create_publisher(JointState, TOPICS[3], qos.COMMAND)
    films = []
    for camera in CAMERAS:
        films.append([])
        for frame in frames:
            writer = ImageWriter(f"{camera}_optical_frame", HEIGHT, WIDTH)
            writer.pixels[:] = frame
            films[-1].append(writer)
    joints, answer = JointStateWriter(with_velocity=True), JointStateWriter()

    def spin(until: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + START_S
        while not until():
            if time.monotonic() > deadline:
                raise RuntimeError(f"{what}: not within {START_S:.0f} s")
            executor.spin_once(timeout_sec=0.1)

    spin(lambda: bool(heard) and heard[-1].message == "idle", "the recorder")
    spin(lambda: all(pub.get_subscription_count() == 2 for pub in (*images, states, commands)), "the bare encoder")
    start = date_ns() + _NS // 10
    begun = EpisodeInfo(id="benchmark-1", phase=RUNNING, task="benchmark", start_stamp_ns=start)
    episodes.publish(begun)
    published = dict.fromkeys(TOPICS, 0)
    for after_ns, topic in _schedule(ticks):
        time.sleep(max(0.0, (start + after_ns - date_ns()) * 1e-9))
        stamp = start + after_ns
        published[topic] += 1
        if topic in TOPICS[:2]:
            camera = TOPICS.index(topic)
            images[camera].publish(films[camera][published[topic] % len(frames)].write(stamp))
        elif topic == TOPICS[2]:
            states.publish(joints.write(stamp, np.zeros(6), np.zeros(6)))
        else:
            commands.publish(answer.write(stamp, np.full(6, 0.1)))
    episodes.publish(dataclasses.replace(begun, phase=ENDED, outcome=SUCCESS, steps=ticks))
    spin(lambda: texts_of(heard[-1])["episode"] == begun.id, "the finished episode")
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown()
    return published, texts_of(heard[-1])["result"]


def _schedule(ticks: int) -> Iterator[tuple[int, str]]:
    """When, from the start on [ns], which topic has a message."""
    images = [(k * _NS // FPS, topic) for k in range(ticks + 1) for topic in TOPICS[:2]]
    states = [(k * _NS // STATE_HZ, TOPICS[2]) for k in range(ticks * STATE_HZ // FPS + 1)]
    commands = [(k * _NS // FPS, TOPICS[3]) for k in range(ticks)]
    yield from sorted([*images, *states, *commands])
