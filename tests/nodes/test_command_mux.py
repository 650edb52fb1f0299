import array
import math

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.parameter import Parameter
from sensor_msgs.msg import JointState
from std_srvs.srv import SetBool
from tests.nodes.conftest import Ros, running_episode

from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES
from so_arm.nodes import qos
from so_arm.nodes.command_mux import CommandMux
from so_arm.nodes.messages import key_values, stamp_ns, texts_of

pytestmark = pytest.mark.ros
HOME = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])
PERIOD_NS = 33_333_333


def joint_state(stamp: int, position: np.ndarray, names: tuple[str, ...] = JOINT_NAMES) -> JointState:
    message = JointState(name=list(names), position=array.array("d", position))
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 10**9)
    return message


class MuxBench:
    """The mux between a fake arm and fake sources."""

    def __init__(self, ros: Ros) -> None:
        self.ros = ros
        self.node = ros.start(CommandMux)
        self.commands = ros.listen(JointState, "follower/joint_commands", qos.RECORDER)
        self.health = ros.listen(DiagnosticArray, "/diagnostics", qos.STATE)
        self.episode = ros.publisher(DiagnosticStatus, "episode/info", qos.LATCHED)
        self.states = ros.publisher(JointState, "follower/joint_states", qos.STATE)
        self.policy = ros.publisher(JointState, "policy/action", qos.COMMAND)
        self.teleop = ros.publisher(JointState, "teleop/command", qos.COMMAND)

    def begin(self) -> None:
        self.episode.publish(DiagnosticStatus(values=key_values(running_episode().to_text())))
        self.ros.until(lambda: self.node._episode_id == "test-1", "the episode to begin")

    def observe(self, stamp: int, position: np.ndarray = HOME) -> None:
        self.states.publish(joint_state(stamp, position))
        self.ros.until(lambda: self.node.states_seen_ns >= stamp, "the joint state to be seen")

    def offer(self, message: JointState) -> JointState:
        """The command that answers."""
        before = len(self.commands)
        self.policy.publish(message)
        self.ros.until(lambda: len(self.commands) > before, "a command")
        return self.commands[-1]

    def source(self, name: str) -> str:
        return self.node.set_parameters([Parameter("source", value=name)])[0].reason


@pytest.fixture
def mux(ros: Ros) -> MuxBench:
    return MuxBench(ros)


def test_what_may_not_pass_and_what_does(mux: MuxBench) -> None:
    mux.begin()
    mux.observe(1 * PERIOD_NS)
    good = HOME + 0.05
    command = mux.offer(joint_state(1 * PERIOD_NS, good))
    assert tuple(command.name) == JOINT_NAMES
    assert list(command.position) == good.tolist() and stamp_ns(command.header.stamp) == PERIOD_NS

    bad = [
        joint_state(2 * PERIOD_NS, np.array([0, 0, math.nan, 0, 0, 0])),
        joint_state(3 * PERIOD_NS, np.zeros(5), JOINT_NAMES[:5]),
        joint_state(4 * PERIOD_NS, np.zeros(7), (*JOINT_NAMES, "thumb")),
    ]
    for message in bad:
        stamp = stamp_ns(message.header.stamp)
        mux.observe(stamp)
        command = mux.offer(message)
        assert list(command.position) == good.tolist(), "the last target is kept"
        assert stamp_ns(command.header.stamp) == stamp

    reordered = joint_state(5 * PERIOD_NS, (HOME + 0.1)[::-1], JOINT_NAMES[::-1])
    mux.observe(5 * PERIOD_NS)
    assert list(mux.offer(reordered).position) == (HOME + 0.1).tolist()
    mux.ros.until(
        lambda: any("unknown thumb" in message.status[0].message for message in mux.health),
        "the refusal in /diagnostics",
    )


def test_sources_are_changed_while_running_and_the_handover_is_bumpless(mux: MuxBench) -> None:
    assert "choose one of: hold, policy, teleop" in mux.source("joystick")
    mux.begin()
    mux.observe(1 * PERIOD_NS)
    mux.offer(joint_state(1 * PERIOD_NS, HOME + 0.05))
    assert mux.source("hold") == ""
    before = len(mux.commands)
    mux.observe(2 * PERIOD_NS, HOME - 1)
    mux.ros.until(lambda: len(mux.commands) > before, "the held target")
    assert list(mux.commands[-1].position) == (HOME + 0.05).tolist()
    assert mux.source("teleop") == ""
    mux.observe(3 * PERIOD_NS)
    before = len(mux.commands)
    mux.teleop.publish(joint_state(3 * PERIOD_NS, HOME - 1))
    mux.ros.until(lambda: len(mux.commands) > before, "the first teleop command")
    assert list(mux.commands[-1].position) == (HOME + 0.05).tolist(), "it starts where the arm is"


def test_a_person_takes_over_and_hands_back(mux: MuxBench) -> None:
    status = mux.ros.listen(DiagnosticStatus, "control/status", qos.LATCHED)
    mux.begin()
    wanted = {"policy": HOME + 0.05, "teleop": HOME - 0.1}
    publishers = {"policy": mux.policy, "teleop": mux.teleop}
    for k, source in enumerate(["policy"] * 2 + ["teleop"] * 7 + ["policy"] * 7, start=1):
        if k in (3, 10):
            said = mux.ros.call(SetBool, "command_mux/take_over", SetBool.Request(data=k == 3))
            assert said.success, said.message
        mux.observe(k * PERIOD_NS)
        other = "policy" if source == "teleop" else "teleop"
        publishers[other].publish(joint_state(k * PERIOD_NS, HOME + 2))
        publishers[source].publish(joint_state(k * PERIOD_NS, wanted[source]))
        mux.ros.until(lambda k=k: len(mux.commands) == k, "its command")
    assert [stamp_ns(command.header.stamp) for command in mux.commands] == [k * PERIOD_NS for k in range(1, 17)]
    assert [command.header.frame_id for command in mux.commands] == ["policy"] * 2 + ["teleop"] * 7 + ["policy"] * 7
    positions = np.array([command.position for command in mux.commands])
    assert np.abs(np.diff(positions, axis=0)).max() <= 1.0 / 30 + 1e-9, "bounded slew both ways"
    assert list(positions[8]) == wanted["teleop"].tolist() and list(positions[-1]) == wanted["policy"].tolist()
    mux.ros.until(lambda: len(status) >= 5, "every change of control")
    told = [(message.message, texts_of(message)["in_control"]) for message in status]
    assert told[-5:] == [
        ("policy", "true"),
        ("teleop", "false"),
        ("teleop", "true"),
        ("policy", "false"),
        ("policy", "true"),
    ]


def test_a_second_mux_refuses_to_start(mux: MuxBench) -> None:
    with pytest.raises(UserError, match="joint_commands is already published by node 'command_mux' in ROS domain"):
        mux.ros.start(CommandMux)


def test_nothing_answers_an_observation_whose_episode_is_not_known_yet(mux: MuxBench) -> None:
    """A hold from the idle time before an episode was once taken for the episode's first command."""
    late = 10**12
    mux.observe(1)
    mux.observe(late)  # the policy has been silent for long: the mux holds
    before = mux.node.counts["outside_episode"]
    mux.policy.publish(joint_state(late, HOME + 0.05))
    mux.ros.until(lambda: mux.node.counts["outside_episode"] > before, "the early action to be ignored")
    assert mux.commands == []
    mux.begin()
    mux.observe(late + PERIOD_NS)
    assert list(mux.offer(joint_state(late + PERIOD_NS, HOME + 0.05)).position) == (HOME + 0.05).tolist()
    assert [stamp_ns(command.header.stamp) for command in mux.commands] == [late + PERIOD_NS]


def test_a_silent_policy_is_a_trouble_in_an_episode_only(mux: MuxBench) -> None:
    well = (DiagnosticStatus.OK, "ok")
    mux.observe(1)
    mux.observe(10**12)
    assert mux.node._arbiter.holding and mux.node.check_health() == well
    mux.begin()
    mux.observe(2 * 10**12)
    mux.offer(joint_state(2 * 10**12, HOME))
    assert mux.node.check_health() == well
    mux.observe(3 * 10**12)
    assert mux.node.check_health() == (DiagnosticStatus.WARN, "holding: policy is silent")
