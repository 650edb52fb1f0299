"""A policy's run that somebody takes over and hands back, in simulation, on both clocks; and the expert alone."""

from __future__ import annotations

import random
from collections.abc import Iterator
from functools import partial

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool, Trigger
from tests.nodes.conftest import Ros

from so_arm.core.arbiter import TELEOP, Arbiter
from so_arm.core.clock import tick_stamp_ns
from so_arm.core.episode_info import EpisodeInfo
from so_arm.data.ingest.episode_ingest import EpisodeIngest, Row
from so_arm.data.ingest.settings import EPISODE_TOPIC, RecordingSettings, topics
from so_arm.nodes import qos
from so_arm.nodes.command_mux import CommandMux
from so_arm.nodes.message_types import message_type
from so_arm.nodes.messages import stamp_ns, texts_of
from so_arm.nodes.mujoco_bridge import MujocoBridge
from so_arm.nodes.teleop import Teleop
from so_arm.sim.env import SoArmEnv
from so_arm.sim.expert_pilot import ExpertPilot

pytestmark = [pytest.mark.ros, pytest.mark.alone]
SLEW_RAD_S, PERIOD_S = 1.0, 1 / 30


class Graph:
    """Bridge, mux and the expert at the teleop; the policy asks for a pose at every observation."""

    def __init__(self, source: str, lockstep: bool) -> None:
        values = {
            "mujoco_bridge:use_cameras": False,
            "mujoco_bridge:lockstep": lockstep,
            "mujoco_bridge:seed": 3,
            "command_mux:source": source,
            "command_mux:handover_velocity": SLEW_RAD_S,
            "teleop:source": "expert",
            "teleop:lockstep": lockstep,
        }
        text = [f"{name}:={str(value).lower()}" for name, value in values.items()]
        self.ros = Ros([word for item in text for word in ("-p", item)])
        self.episodes: list[DiagnosticStatus] = self.ros.listen(DiagnosticStatus, "episode/info", qos.LATCHED)
        self.commands: list[JointState] = self.ros.listen(JointState, "follower/joint_commands", qos.RECORDER)
        self.control: list[DiagnosticStatus] = self.ros.listen(DiagnosticStatus, "control/status", qos.LATCHED)
        self._policy = self.ros.probe.create_publisher(JointState, "policy/action", qos.COMMAND)
        self.ros.probe.create_subscription(JointState, "follower/joint_states", self._act, qos.CONTROL)
        self.bridge = self.ros.start(MujocoBridge)
        self.mux = self.ros.start(CommandMux)
        self.teleop = self.ros.start(Teleop)
        self.ros.until(lambda: self.teleop._said or self.control, "the mux's status")
        self.ros.until(lambda: self.mux.count_publishers("teleop/command"), "the teleop's commands")
        self.ros.until(lambda: self.bridge.count_subscribers("sim/objects"), "the expert's eyes")

    def start(self) -> None:
        said = self.ros.call(Trigger, "mujoco_bridge/start", Trigger.Request())
        assert said.success, said.message

    def take_over(self, on: bool) -> None:
        said = self.ros.call(SetBool, "command_mux/take_over", SetBool.Request(data=on))
        assert said.success, said.message

    def until_in_control(self, source: str) -> None:
        def met() -> bool:
            return self.control[-1].message == source and texts_of(self.control[-1])["in_control"] == "true"

        self.ros.until(met, f"{source} in control")
        seen = len(self.commands)
        self.ros.until(lambda: len(self.commands) > seen + 5, "some of its commands")

    def info(self) -> EpisodeInfo:
        return EpisodeInfo.from_text(texts_of(self.episodes[-1]))

    def _act(self, state: JointState) -> None:
        state.position[0] = 0.3 * np.sin(stamp_ns(state.header.stamp) * 2e-9)
        state.velocity = []
        self._policy.publish(state)


@pytest.fixture
def graph(request: pytest.FixtureRequest) -> Iterator[Graph]:
    graph = Graph(*request.param)
    yield graph
    graph.ros.close()


@pytest.mark.parametrize("graph", [("teleop", True)], indirect=True)
def test_the_expert_does_the_task_in_lockstep(graph: Graph) -> None:
    graph.start()
    graph.ros.until(lambda: graph.info().phase == "ended", "the end")
    info = graph.info()
    assert info.outcome == "success"
    wanted = commands_in_gym()
    assert len(wanted) == info.steps
    graph.ros.until(lambda: len(graph.commands) >= info.steps, "every command")
    commands = graph.commands[: info.steps]  # the last observation may be answered too
    assert {command.header.frame_id for command in commands} == {"teleop"}
    stamps = [stamp_ns(command.header.stamp) - info.start_stamp_ns for command in commands]
    assert stamps == [tick_stamp_ns(k) for k in range(info.steps)], "one for each observation"
    assert np.array_equal([command.position for command in commands], wanted), "to the last bit"


def commands_in_gym() -> list[np.ndarray]:
    """The same pilot and arbiter without ROS."""
    env, pilot, arbiter, commands = SoArmEnv(), ExpertPilot("pick_place"), Arbiter(TELEOP, 1 / 30, 1.0, 10**9), []
    observation, _ = env.reset(seed=3)
    arbiter.begin_episode()
    pilot.begin(observation["joint_position"])
    done = False
    while not done:
        stamp, position = tick_stamp_ns(env.tick), observation["joint_position"]
        arbiter.observe(stamp, position)
        wanted = pilot.act(position, observation["joint_velocity"], observation["objects"])
        command = arbiter.offer(TELEOP, stamp, wanted)
        assert command is not None
        commands.append(command)
        observation, _, terminated, truncated, _ = env.step(command)
        done = terminated or truncated
    return commands


@pytest.mark.parametrize("graph", [("policy", True), ("policy", False)], indirect=True, ids=["lockstep", "real_time"])
def test_taking_over_and_handing_back_in_mid_episode_is_bumpless(graph: Graph) -> None:
    graph.start()
    graph.until_in_control("policy")
    graph.take_over(True)
    graph.until_in_control("teleop")
    graph.take_over(False)
    graph.until_in_control("policy")
    sources = [command.header.frame_id for command in graph.commands]
    changes = [k for k in range(1, len(sources)) if sources[k] != sources[k - 1]]
    assert [sources[0], *(sources[k] for k in changes)] == ["policy", "teleop", "policy"]
    positions = np.array([command.position for command in graph.commands])
    steps = np.abs(np.diff(positions, axis=0)).max(axis=1)
    assert all(steps[k - 1] <= SLEW_RAD_S * PERIOD_S + 1e-9 for k in changes)
    met_at = changes[1] + int(np.argmax(np.isclose(positions[changes[1] :, 1], positions[-1, 1], atol=0.05)))
    assert steps[changes[1] : met_at].max(initial=0.0) <= SLEW_RAD_S * PERIOD_S + 1e-9, "and until they meet"


@pytest.mark.parametrize("graph", [("policy", False)], indirect=True, ids=["real_time"])
def test_taking_over_again_and_again_is_bumpless_and_told_of_every_row(graph: Graph) -> None:
    """Also in the middle of a slew; the recorder's rows say who was in control as the commands do."""
    rows: list[Row] = []
    settings = RecordingSettings(30, (), reward=False, state_tolerance_s=2.0)  # a busy machine is no hole here
    ingest = EpisodeIngest(settings, rows.append, lambda report: None)
    for topic, kind in topics(settings).items():
        profile = qos.LATCHED if topic == EPISODE_TOPIC else qos.RECORDER
        graph.ros.probe.create_subscription(message_type(kind), topic, partial(ingest.feed, topic), profile, raw=True)
    graph.start()
    graph.until_in_control("policy")
    chance = random.Random(5)
    for turn in range(20):
        graph.take_over(turn % 2 == 0)
        enough = len(graph.commands) + chance.randint(2, 13)
        graph.ros.until(lambda enough=enough: len(graph.commands) >= enough, "some commands")
    ingest.close()
    sources = [command.header.frame_id for command in graph.commands]
    changes = [k for k in range(1, len(sources)) if sources[k] != sources[k - 1]]
    assert len(changes) >= 20  # more where a busy machine keeps the policy silent, and the arm is held
    positions = np.array([command.position for command in graph.commands])
    steps = np.abs(np.diff(positions, axis=0)).max(axis=1)
    assert max(steps[k - 1] for k in changes) <= SLEW_RAD_S * PERIOD_S + 1e-9
    first = {}
    for command in graph.commands:
        first.setdefault(stamp_ns(command.header.stamp), command)
    stamps = np.array(sorted(first))
    assert len(rows) > 80
    for row in rows:
        command = first[stamps[np.abs(stamps - row.stamp_ns).argmin()]]
        assert row.intervention == (command.header.frame_id == TELEOP)
        assert np.array_equal(row.action, command.position)
    assert {row.intervention for row in rows} == {False, True}
