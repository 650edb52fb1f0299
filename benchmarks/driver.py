"""From a joint command to the first goal on the servos' wire that it changed: p50 and p99 at 100 and 200 Hz.

A real motor_driver node drives emulated servos. Commands step one joint to and fro, each after the arm's goal has come
to rest, and at random moments of the driver's cycle. The goal approaches a command over one command period, so what
counts is the first sync write whose goals differ from those before the command.
"""

from __future__ import annotations

import gc
import os
import sys
import tempfile
import time
from bisect import bisect_right
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from so_arm.core.paths import share_dir
from so_arm.core.poses import HOME_POSE
from so_arm.launcher.background import reporting
from so_arm.launcher.environment import ros_environment

TARGET = 1.1
RATES_HZ = (100, 200)
COMMAND_HZ = 30
PAUSE_S = (0.08, 0.12)  # between commands: longer than a command period, shorter than the driver's patience
STEP_RAD = 0.03
START_S = 120.0
BESIDE = Path(__file__).parent / "beside"
CALIBRATION = share_dir() / "calibration" / "example_follower.json"


class Latency(NamedTuple):
    """[ms], one per command."""

    from_publish: np.ndarray
    from_receipt: np.ndarray


def run(quick: bool) -> dict[str, Any]:
    """`ratio` is p99 from receipt at 100 Hz / the cycle: a command waits for the next cycle and for nothing else."""
    os.environ["ROS_DOMAIN_ID"] = str(20 + os.getpid() % 80)  # a domain of its own
    os.environ.update(ros_environment(os.environ))
    measured = {rate: _measure(rate, 20 if quick else 600) for rate in RATES_HZ}
    ratio = float(np.percentile(measured[100].from_receipt, 99)) / (1e3 / 100)
    return {
        "name": "driver",
        "ratio": ratio,
        "target": TARGET,
        "passed": ratio <= TARGET,
        **{f"at_{rate}_hz": _summary(latency) for rate, latency in measured.items()},
        "measured_to": "arrival of the bytes of the first goal sync write that differs because of the command",
        "command_hz": COMMAND_HZ,
        "load_average": os.getloadavg()[0],
    }


def _summary(latency: Latency) -> dict[str, float]:
    found: dict[str, float] = {"commands": len(latency.from_publish)}
    for name, values in latency._asdict().items():
        found |= {f"{name}_p50_ms": float(np.median(values)), f"{name}_p99_ms": float(np.percentile(values, 99))}
    return found


def _measure(rate_hz: int, commands: int) -> Latency:
    cores = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as folder:
        port = Path(folder) / "port"
        servos = [sys.executable, str(BESIDE / "emulated_servos.py"), str(port), str(cores[0])]
        parameters = {"port": port, "calibration_file": CALIBRATION, "rate": float(rate_hz), "fps": float(COMMAND_HZ)}
        words = [word for name, value in parameters.items() for word in ("-p", f"{name}:={value}")]
        node = [sys.executable, str(BESIDE / "timed_driver.py"), str(cores[0]), "--ros-args", *words]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        with reporting(servos, environment) as finish_servos, reporting(node, environment) as finish_node:
            published_ns = _step_to_and_fro(commands)
            received_ns = finish_node()["received_ns"]
            goals_ns = [at_ns for at_ns, _ in finish_servos()["goals"]]
    return _latency(published_ns, received_ns, goals_ns)


def _latency(published_ns: list[int], received_ns: list[int], goals_ns: list[int]) -> Latency:
    """Each command with the first receipt and the first new goal after it; raises when one has none of its own."""

    def first_after(times_ns: list[int], at_ns: int) -> int:
        place = bisect_right(times_ns, at_ns)
        return times_ns[place] if place < len(times_ns) else sys.maxsize

    from_publish, from_receipt = [], []
    for published, following in zip(published_ns, [*published_ns[1:], sys.maxsize - 1], strict=True):
        received, goal = first_after(received_ns, published), first_after(goals_ns, published)
        if max(received, goal) > following:
            raise RuntimeError("a command did not reach the wire before the next one")
        from_publish.append((goal - published) / 1e6)
        from_receipt.append((goal - received) / 1e6)
    return Latency(np.array(from_publish), np.array(from_receipt))


def _step_to_and_fro(commands: int) -> list[int]:
    """Publishes `commands` commands; monotonic nanoseconds when each was handed over."""
    import rclpy
    from rclpy.experimental.events_executor import EventsExecutor
    from sensor_msgs.msg import JointState

    from so_arm.nodes import qos
    from so_arm.nodes.messages import JointStateReader, JointStateWriter

    rclpy.init()
    node = rclpy.create_node("driver_benchmark")
    executor = EventsExecutor()
    executor.add_node(node)
    reader, writer, chance = JointStateReader("joint state"), JointStateWriter(), np.random.default_rng(0)
    seen: list[np.ndarray] = []
    node.create_subscription(JointState, "/follower/joint_states", lambda m: seen.append(reader.position(m)), 1)
    publisher = node.create_publisher(JointState, "/follower/joint_commands", qos.COMMAND)

    def spin(until: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + START_S
        while not until():
            if time.monotonic() > deadline:
                raise RuntimeError(f"{what}: not within {START_S:.0f} s")
            executor.spin_once(timeout_sec=0.1)

    def publish(step: float) -> int:
        position = np.array(HOME_POSE)
        position[0] += step
        at_ns = time.monotonic_ns()
        publisher.publish(writer.write(time.time_ns(), position))
        return at_ns

    def come_near() -> bool:
        publish(0.0)
        time.sleep(0.02)
        return float(np.abs(seen[-1] - np.array(HOME_POSE)).max()) < 0.02

    spin(lambda: bool(seen), "the driver's first state")
    spin(come_near, "the first pose")
    gc.collect()
    gc.freeze()
    published_ns = []
    for number in range(-10, commands):
        # The driver's cycle and the pause have no common rhythm.
        time.sleep(chance.uniform(*PAUSE_S))
        at_ns = publish(STEP_RAD * (number % 2))
        if number >= 0:
            published_ns.append(at_ns)
    time.sleep(PAUSE_S[1])
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown()
    return published_ns
