"""The teleop node between a fake arm, a fake mux and fake hands."""

import array
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import SetBool
from tests.hardware.gamepad_files import LEFT_Y, RIGHT_SHOULDER, FifoPad, axis, button
from tests.nodes.conftest import Ros, running_episode

from so_arm.core.errors import UserError
from so_arm.core.jog import CARTESIAN_SPEED
from so_arm.core.joints import JOINT_NAMES
from so_arm.core.kinematics import grasp_point
from so_arm.nodes import expert_source, qos
from so_arm.nodes.messages import key_values, stamp_ns
from so_arm.nodes.runtime import OK, WARN
from so_arm.nodes.teleop import Teleop

pytestmark = pytest.mark.ros
MIDDLE = np.array([0.0, -0.9, 0.7, 1.2, 0.0, 0.6])
PERIOD_NS = 33_333_333


def joint_state(position: np.ndarray, stamp: int = 0, names: tuple[str, ...] = JOINT_NAMES) -> JointState:
    message = JointState(name=list(names), position=array.array("d", position), velocity=array.array("d", [0.0] * 6))
    message.header.stamp.sec, message.header.stamp.nanosec = divmod(stamp, 10**9)
    return message


class TeleopBench:
    """Ticks are answered in lockstep, so that nothing here depends on time but what is said to."""

    def __init__(self, ros: Ros) -> None:
        self.ros = ros
        self.commands: list[JointState] = ros.listen(JointState, "teleop/command", qos.RECORDER)
        self.status: list[DiagnosticStatus] = ros.listen(DiagnosticStatus, "teleop/status", qos.LATCHED)
        self.node = ros.start(Teleop)
        self.states = ros.publisher(JointState, "follower/joint_states", qos.STATE)
        self.control = ros.publisher(DiagnosticStatus, "control/status", qos.LATCHED)
        self.tick = 0

    def give_control(self, source: str) -> None:
        self.control.publish(
            DiagnosticStatus(name="control", message=source, values=key_values({"in_control": "true"}))
        )
        self.ros.until(lambda: self.node._control.source == source, f"{source} in control")

    def observe(self, position: np.ndarray = MIDDLE) -> int:
        """Publish the next state; returns its stamp."""
        self.tick += 1
        stamp, seen = self.tick * PERIOD_NS, self.node.counts["states"]
        self.states.publish(joint_state(position, stamp))
        self.ros.until(lambda: self.node.counts["states"] > seen, "the state to be seen")
        return stamp

    def command(self, stamp: int) -> np.ndarray:
        self.ros.until(lambda: self.answers(stamp), "a command")
        return self.answers(stamp)[-1]

    def answers(self, stamp: int) -> list[np.ndarray]:
        return [np.array(message.position) for message in self.commands if stamp_ns(message.header.stamp) == stamp]

    def drive(self, ticks: int) -> np.ndarray:
        """An arm that goes where it is told."""
        position = MIDDLE
        for _ in range(ticks):
            position = self.command(self.observe(position))
        return position


def parameters(**values: object) -> pytest.MarkDecorator:
    words = [word for name, value in values.items() for word in ("-p", f"{name}:={value}")]
    return pytest.mark.parametrize("ros", [["-p", "lockstep:=true", *words]], indirect=True)


ALWAYS = {"between_episodes": "true"}


@parameters(source="leader", leader_timeout=0.5, **ALWAYS)
def test_a_leader_is_followed_by_name_and_nothing_bad_of_it_is(ros: Ros) -> None:
    bench = TeleopBench(ros)
    leader = ros.publisher(JointState, "leader/joint_states", qos.STATE)
    stamp = bench.observe()
    ros.until(lambda: bench.node.counts["unanswered"], "silence")
    level, text = bench.node.check_health()
    assert level == WARN and text.startswith("no leader arm") and text.endswith("the simulation waits for it")
    leader.publish(joint_state(np.array([math.nan, 0, 0, 0, 0, 0])))
    ros.until(lambda: bench.node.counts["problems"] == 1, "the first refusal")
    leader.publish(joint_state(np.zeros(6), names=(*JOINT_NAMES[:5], "claw")))
    ros.until(lambda: bench.node.counts["problems"] == 2, "the second refusal")
    assert "unknown claw" in bench.node.check_health()[1] and bench.commands == []
    leader.publish(joint_state(MIDDLE[::-1] + 0.1, names=JOINT_NAMES[::-1]))
    assert bench.command(stamp) == pytest.approx(MIDDLE + 0.1), "the state that waited is answered"
    ros.until(lambda: bench.node._source.problem, "the leader to be missed")
    silent = bench.observe()
    ros.until(lambda: "silent for" in bench.node.check_health()[1], "the silence in the health")
    assert bench.answers(silent) == []
    ros.until(lambda: any("silent for" in message.message for message in bench.status), "the silence in the status")


@parameters(source="keyboard", key_hold=0.2, **ALWAYS)
def test_keys_move_the_hand_while_teleop_is_in_control(ros: Ros) -> None:
    bench = TeleopBench(ros)
    keys = ros.publisher(String, "operator/key", qos.RECORDER)
    bench.give_control("policy")
    bench.observe()
    assert bench.commands == [] and bench.node.check_health() == (OK, "ok")
    bench.give_control("teleop")
    bench.command(bench.node._waiting.stamp_ns if bench.node._waiting else bench.tick * PERIOD_NS)
    for key in ("u", *["up"] * 50, "r", "+"):
        keys.publish(String(data=key))
    ros.until(lambda: bench.node.counts["jog_keys"] == 52 and bench.node.counts["other_keys"] == 1, "the keys")
    moved = grasp_point(bench.drive(12)) - grasp_point(MIDDLE)
    expected_m = CARTESIAN_SPEED[0] * 0.6 * 0.2
    assert moved[[0, 2]] == pytest.approx([expected_m] * 2, abs=0.006), "one hold time, at one step faster"
    ros.until(
        lambda: "Cartesian, speed 60%" in [message.message for message in bench.status[-1:]], "the speed on screen"
    )


@pytest.fixture
def pad(tmp_path: Path) -> Iterator[FifoPad]:
    pad = FifoPad(tmp_path)
    yield pad
    pad.pull_out()


def test_a_gamepad_takes_over_moves_and_holds_when_it_is_pulled_out(pad: FifoPad) -> None:
    ros = Ros(
        ["-p", "lockstep:=true", "-p", "source:=gamepad", "-p", f"device:={pad.path}", "-p", "between_episodes:=true"]
    )
    asked: list[bool] = []

    def take_over(request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        asked.append(request.data)
        response.success = True
        return response

    try:
        ros.probe.create_service(SetBool, "command_mux/take_over", take_over)
        bench = TeleopBench(ros)
        ros.until(lambda: bench.node._control._client.service_is_ready(), "the service")
        bench.give_control("policy")
        ros.until(lambda: bench.node._source._button._held is False, "the button, not pressed")
        pad.send(button(RIGHT_SHOULDER, True))
        ros.until(lambda: asked == [True], "the take-over")
        pad.send(button(RIGHT_SHOULDER, False))
        ros.until(lambda: asked == [True, False], "a tap that is shorter than the mux's answer to be handed back")
        pad.send(button(RIGHT_SHOULDER, True))
        ros.until(lambda: asked == [True, False, True], "the take-over")
        bench.give_control("teleop")
        assert bench.drive(3) == pytest.approx(MIDDLE, abs=1e-9), "sticks in the middle: hold"
        pad.send(axis(LEFT_Y, 0))
        ros.until(lambda: bench.node._source._pad.state.axes["left_y"] == -1.0, "the push")
        moved = grasp_point(bench.drive(5)) - grasp_point(MIDDLE)
        assert moved[0] == pytest.approx(CARTESIAN_SPEED[0] * 0.5 * 5 / 30, abs=0.003)
        pad.pull_out()
        ros.until(lambda: bench.node._source._pad.state is None, "the pull")
        stamp = bench.observe()
        ros.until(lambda: "gamepad Test pad is gone" in bench.node.check_health()[1], "its loss in the health")
        assert bench.answers(stamp) == [] and len(asked) == 3, "pulled out is not let go"
        pad.plug_in()
        assert bench.command(stamp) == pytest.approx(MIDDLE), "held, from where the arm is"
    finally:
        ros.close()


@parameters(source="keyboard", lockstep="false", **ALWAYS)
def test_in_real_time_there_is_one_command_per_control_tick_however_fast_the_arm_reports(ros: Ros) -> None:
    bench = TeleopBench(ros)
    for k in range(1, 31):
        bench.states.publish(joint_state(MIDDLE, k * 10_000_000))
        ros.until(lambda k=k: bench.node.counts["states"] == k, "the state to be seen")
    assert bench.node.counts["commands"] == 10
    bench.states.publish(joint_state(MIDDLE * math.nan, 400_000_000))
    ros.until(lambda: bench.node.counts["problems"], "the refusal")
    assert bench.node.check_health()[1] == "joint state is not finite"


@parameters(source="leader")
def test_between_episodes_the_arm_is_left_alone_where_episodes_are_run(ros: Ros) -> None:
    episode = ros.probe.create_publisher(DiagnosticStatus, "episode/info", qos.LATCHED)
    bench = TeleopBench(ros)
    leader = ros.publisher(JointState, "leader/joint_states", qos.STATE)
    ros.until(lambda: bench.node.count_publishers("episode/info"), "the episodes' node")
    leader.publish(joint_state(MIDDLE))
    ros.until(lambda: bench.node.counts["leader_states"], "the leader")
    bench.observe()
    assert bench.commands == []
    info = running_episode(2 * PERIOD_NS)
    episode.publish(DiagnosticStatus(values=key_values(info.to_text())))
    ros.until(lambda: bench.node._episodes.info.running, "the episode")
    stamp = bench.observe()
    leader.publish(joint_state(MIDDLE))
    bench.command(stamp)


@parameters(source="expert")
def test_the_expert_refuses_an_arm_that_is_not_simulated(ros: Ros, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expert_source, "EXPERT_PATIENCE_S", 0.1)
    monkeypatch.setattr(Teleop, "fail", lambda node, error: setattr(node, "failure", error))
    bench = TeleopBench(ros)
    ros.until(lambda: bench.node.failure, "the refusal")
    assert isinstance(bench.node.failure, UserError)
    assert "expert needs a simulation, and nothing publishes /sim/objects" in str(bench.node.failure)
