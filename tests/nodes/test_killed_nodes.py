"""Nodes killed while a policy swings an emulated arm, and started again: prints how long it takes (`pytest -rP`)."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from sensor_msgs.msg import Image, JointState
from tests.hardware.driver.emulated_arm import FILE, EmulatedArm, Record
from tests.hardware.driver.nothing_bad import Seen, check_goals, check_states
from tests.nodes import swinging_policy
from tests.nodes.conftest import Ros, running_episode
from tests.nodes.processes import NodeProcess

from so_arm.nodes import qos
from so_arm.nodes.messages import ImageWriter, key_values, stamp_ns

pytestmark = [pytest.mark.ros, pytest.mark.slow, pytest.mark.alone]

PERIOD_S = 0.01
PATIENCE_S = 60.0
#: An arm moves, or rests, when it did so for that long.
_LOOK_NS = 300_000_000
_MOVES_RAD, _RESTS_RAD = 0.05, 0.005


class Graph:
    """Every node of the way from a policy to the servos a process; episode and images come from here."""

    def __init__(self, domain: int, logs: Path) -> None:
        self._domain, self._logs = domain, logs
        self.arm = EmulatedArm()
        port = self.arm.begin(swinging_policy.CENTRE)
        chunks = {"lockstep": False, "actions_per_chunk": 15}
        self._parameters: dict[str, dict[str, object]] = {
            "motor_driver": {"port": port, "calibration_file": FILE, "on_exit": "limp", "answer_margin": 0.006},
            "command_mux": {},
            "residual_corrector": chunks,
            "act_policy": {**chunks, "policy_path": "swing"},
        }
        self.seen: list[Seen] = []
        self._offset_ns = time.time_ns() - time.monotonic_ns()
        self.ros = Ros([])
        self.ros.probe.create_subscription(JointState, "follower/joint_states", self._on_state, qos.RECORDER)
        self.health = self.ros.listen(DiagnosticArray, "/diagnostics", qos.STATE)
        self.nodes = {name: self.start(name) for name in self._parameters}
        self._ending = threading.Event()
        self._world = threading.Thread(target=self._live)
        self._world.start()

    def start(self, name: str) -> NodeProcess:
        script = Path(swinging_policy.__file__) if name == "act_policy" else None
        return NodeProcess(name, self._domain, self._logs, script, **self._parameters[name])

    def moves(self) -> bool:
        return self._range() > _MOVES_RAD

    def rests(self) -> bool:
        return 0 <= self._range() < _RESTS_RAD

    def until(self, condition: Callable[[], object], what: str) -> float:
        """Returns how long it took [s]."""
        begin_s = time.monotonic()
        while not condition():
            assert time.monotonic() - begin_s < PATIENCE_S, f"waited for {what}; {self._outputs()}"
            time.sleep(0.01)
        return time.monotonic() - begin_s

    def said(self, node: str, text: str) -> bool:
        return any(
            status.name == node and text in status.message for message in self.health for status in message.status
        )

    def close(self) -> None:
        self._ending.set()
        self._world.join()
        for node in self.nodes.values():
            node.kill()
        self.ros.close()
        self.arm.close()

    def _range(self) -> float:
        """How far the arm has moved lately [rad], -1 when that is not known."""
        newest = [seen for seen in self.seen[-100:] if seen.arrived_ns > time.monotonic_ns() - _LOOK_NS]
        known = len(newest) > 5 and newest[-1].arrived_ns - newest[0].arrived_ns > 0.6 * _LOOK_NS
        return float(np.ptp([seen.position[:5] for seen in newest], axis=0).max()) if known else -1.0

    def _outputs(self) -> str:
        return "\n".join(f"{name}: {node.output}" for name, node in self.nodes.items())

    def _on_state(self, message: JointState) -> None:
        now_ns = time.monotonic_ns()
        self.seen.append(Seen(now_ns, stamp_ns(message.header.stamp) - self._offset_ns, np.array(message.position)))

    def _live(self) -> None:
        images = [
            (self.ros.probe.create_publisher(Image, f"{name}_camera/image_raw", qos.IMAGE), ImageWriter(name, 64, 64))
            for name in ("static", "wrist")
        ]
        episode = self.ros.probe.create_publisher(DiagnosticStatus, "episode/info", qos.LATCHED)
        episode.publish(DiagnosticStatus(values=key_values(running_episode(time.time_ns()).to_text())))
        pixels = np.zeros((64, 64, 3), np.uint8)
        while not self._ending.wait(0.05):
            for publisher, writer in images:
                publisher.publish(writer.write(time.time_ns(), pixels))


@pytest.fixture(scope="module")
def graph(ros_domain: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Graph]:
    graph = Graph(ros_domain, tmp_path_factory.mktemp("nodes"))
    yield graph
    graph.close()


@pytest.mark.parametrize(
    ("name", "teller", "told"),
    [
        ("act_policy", "command_mux", "holding: policy is silent"),
        ("command_mux", "motor_driver", "holding: no command for"),
        ("motor_driver", "", ""),
    ],
)
def test_a_killed_node_and_its_successor(graph: Graph, name: str, teller: str, told: str) -> None:
    graph.until(graph.moves, "motion")
    graph.health.clear()
    killed_ns = time.monotonic_ns()
    graph.nodes[name].kill()
    if name == "motor_driver":
        time.sleep(0.2)
        states = len(graph.seen)
        time.sleep(0.3)
        assert len(graph.seen) == states
    else:
        graph.until(graph.rests, "the arm to hold")
        graph.until(lambda: graph.said(teller, told), told)
    held_s = (last_change_ns(graph.arm.record()) - killed_ns) * 1e-9
    assert held_s < 2.0
    graph.nodes[name] = graph.start(name)
    graph.until(lambda: "ready" in graph.nodes[name].output, f"{name} to start")
    moves_s = graph.until(graph.moves, "motion")
    seen, record = list(graph.seen), graph.arm.record()
    step, age_s = check_goals(record, PERIOD_S), check_states(record, seen)
    print(
        f"{name} killed: goals stand still after {held_s:.2f} s, the arm moves {moves_s:.2f} s after the successor is"
        f" ready; largest step {step:.4f} rad, oldest state {age_s * 1e3:.1f} ms"
    )


def last_change_ns(record: Record) -> int:
    """When the newest goal was sent that differs from the one before."""
    changes = [b.at_ns for a, b in itertools.pairwise(record.goals) if a.ticks != b.ticks]
    return changes[-1]
