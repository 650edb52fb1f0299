"""What our nodes add to the way from joint state to command, against a bare rclpy relay with the same hops.

Both chains run at the same time as processes of their own and get the same messages in turn (blocks of A, B, A, B,
...): ours through residual_corrector and command_mux, with a chunk to answer from, the bare one through two relays.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from so_arm.launcher.background import running
from so_arm.launcher.packages import command

TARGET = 1.3
RATE_HZ = 100  # messages per second; stamps advance by a control period each
BLOCK = 40
CONTROL_PERIOD_NS = 33_333_333
CHUNK_STEPS = 50
START_S = 30.0
RELAY = Path(__file__).parent / "bare" / "relay.py"
OURS, BARE = "ours", "bare"


def run(quick: bool) -> dict[str, Any]:
    """`ratio` is the larger of the p50 and the p99 ratio."""
    blocks = 3 if quick else 60
    os.environ["ROS_DOMAIN_ID"] = str(20 + os.getpid() % 80)  # a domain of its own
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    with running(_chains(environment), environment):
        latency = _measure(blocks)
    p50 = {chain: float(np.median(latency[chain])) for chain in (OURS, BARE)}
    p99 = {chain: float(np.percentile(latency[chain], 99)) for chain in (OURS, BARE)}
    by_block = {chain: np.median(latency[chain].reshape(blocks, -1), axis=1) for chain in (OURS, BARE)}
    ratio_p50, ratio_p99 = p50[OURS] / p50[BARE], p99[OURS] / p99[BARE]
    ratio = max(ratio_p50, ratio_p99)
    return {
        "name": "graph",
        "ratio": ratio,
        "target": TARGET,
        "passed": ratio <= TARGET,
        "ratio_p50": ratio_p50,
        "ratio_p99": ratio_p99,
        "median_of_block_ratios": median(by_block[OURS] / by_block[BARE]),
        "p50_ms": p50[OURS],
        "p99_ms": p99[OURS],
        "bare_p50_ms": p50[BARE],
        "bare_p99_ms": p99[BARE],
        "messages_per_chain": int(latency[OURS].size),
        "rate_hz": RATE_HZ,
        "load_average": os.getloadavg()[0],
    }


def _chains(environment: Mapping[str, str]) -> list[list[str]]:
    """Commands of both chains."""
    return [
        [*command("so_arm", "residual_corrector", environment), "--ros-args", "-p", "lockstep:=false"],
        command("so_arm", "command_mux", environment),
        [sys.executable, str(RELAY), "/bare/in", "/bare/middle"],
        [sys.executable, str(RELAY), "/bare/middle", "/bare/out"],
    ]


def _measure(blocks: int) -> dict[str, np.ndarray]:
    """Latencies [ms] per chain, BLOCK per block; raises when an answer does not come."""
    import rclpy
    from rclpy.executors import SingleThreadedExecutor
    from sensor_msgs.msg import JointState
    from trajectory_msgs.msg import JointTrajectory

    from so_arm.core.chunk import ActionChunk
    from so_arm.core.episode_info import RUNNING, EpisodeInfo
    from so_arm.nodes import qos
    from so_arm.nodes.messages import JointStateWriter, chunk_message, stamp_ns

    rclpy.init()
    node = rclpy.create_node("graph_benchmark")
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    answered: dict[str, tuple[int, int]] = {}  # chain -> (stamp, when)

    def on_answer(chain: str) -> Callable[[JointState], None]:
        def keep(message: JointState) -> None:
            answered[chain] = stamp_ns(message.header.stamp), time.perf_counter_ns()

        return keep

    node.create_subscription(JointState, "/follower/joint_commands", on_answer(OURS), qos.CONTROL)
    node.create_subscription(JointState, "/bare/out", on_answer(BARE), qos.CONTROL)
    senders = {
        OURS: node.create_publisher(JointState, "/follower/joint_states", qos.STATE),
        BARE: node.create_publisher(JointState, "/bare/in", qos.STATE),
    }
    chunks = node.create_publisher(JointTrajectory, "/policy/action_chunk", qos.COMMAND)
    _begin_episode(node, EpisodeInfo(id="benchmark", phase=RUNNING, task="pick_place"))
    writer = JointStateWriter(with_velocity=True)
    joints = np.zeros(6)

    def ask(chain: str, stamp: int, timeout_s: float) -> float | None:
        sent = time.perf_counter_ns()
        senders[chain].publish(writer.write(stamp, joints, joints))
        while answered.get(chain, (-1, 0))[0] != stamp:
            executor.spin_once(timeout_sec=0.005)
            if time.perf_counter_ns() - sent > timeout_s * 1e9:
                return None
        return (answered[chain][1] - sent) / 1e6

    def rest(seconds: float) -> None:
        end = time.perf_counter() + seconds
        while (left := end - time.perf_counter()) > 0:
            executor.spin_once(timeout_sec=left)

    stamp = 0
    latency: dict[str, list[float]] = {OURS: [], BARE: []}
    deadline = time.monotonic() + START_S
    warm = {OURS: 0, BARE: 0}
    while min(warm.values()) < BLOCK:
        stamp += CONTROL_PERIOD_NS
        chunks.publish(chunk_message(ActionChunk(stamp, CONTROL_PERIOD_NS, np.zeros((CHUNK_STEPS, 6)))))
        rest(0.02)
        for chain in warm:
            warm[chain] += ask(chain, stamp, 0.2) is not None
        if time.monotonic() > deadline:
            raise RuntimeError(f"the chains did not come up within {START_S:.0f} s: {warm}")
    for _ in range(blocks):
        for chain in (OURS, BARE):
            stamp += CONTROL_PERIOD_NS
            chunks.publish(chunk_message(ActionChunk(stamp, CONTROL_PERIOD_NS, np.zeros((CHUNK_STEPS, 6)))))
            rest(0.02)
            for _ in range(BLOCK):
                took = ask(chain, stamp, 1.0)
                if took is None:
                    raise RuntimeError(f"the {chain} chain lost a message")
                latency[chain].append(took)
                stamp += CONTROL_PERIOD_NS
                rest(1.0 / RATE_HZ)
    executor.shutdown()
    node.destroy_node()
    rclpy.shutdown()
    return {chain: np.array(values) for chain, values in latency.items()}


def _begin_episode(node: Any, info: Any) -> None:
    from diagnostic_msgs.msg import DiagnosticStatus

    from so_arm.nodes import qos
    from so_arm.nodes.messages import key_values

    publisher = node.create_publisher(DiagnosticStatus, "/episode/info", qos.LATCHED)
    publisher.publish(DiagnosticStatus(name=info.id, message=info.phase, values=key_values(info.to_text())))
