import array
import math

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.parameter import Parameter
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import JointState
from std_msgs.msg import String
from std_srvs.srv import SetBool, Trigger
from tests.nodes.conftest import Ros
from visualization_msgs.msg import MarkerArray

from so_arm.core.episode_info import EpisodeInfo
from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES
from so_arm.nodes import qos
from so_arm.nodes.messages import stamp_ns, texts_of
from so_arm.nodes.mujoco_bridge import MujocoBridge
from so_arm.rewards.state import RewardState
from so_arm.sim.env import SoArmEnv

pytestmark = pytest.mark.ros
HORIZON = 10
LOCKSTEP = pytest.mark.parametrize("ros", [["-p", f"horizon:={HORIZON}", "-p", "seed:=5"]], indirect=True)
REAL_TIME = pytest.mark.parametrize("ros", [["-p", f"horizon:={HORIZON}", "-p", "lockstep:=false"]], indirect=True)


class BridgeBench:
    """The bridge and a fake graph that answers joint states one by one."""

    def __init__(self, ros: Ros) -> None:
        self.ros = ros
        self.order: list[str] = []
        self.episodes = ros.listen(DiagnosticStatus, "episode/info", qos.LATCHED)
        self.states = ros.listen(JointState, "follower/joint_states", qos.RECORDER)
        self.sim = ros.listen(DiagnosticArray, "sim/state", qos.RECORDER)
        self.health = ros.listen(DiagnosticArray, "/diagnostics", qos.STATE)
        self.node = ros.start(MujocoBridge)
        self.commands = ros.publisher(JointState, "follower/joint_commands", qos.COMMAND)

    def trigger(self, name: str) -> Trigger.Response:
        return self.ros.call(Trigger, f"mujoco_bridge/{name}", Trigger.Request())

    def switch(self, name: str, on: bool) -> SetBool.Response:
        return self.ros.call(SetBool, f"mujoco_bridge/{name}", SetBool.Request(data=on))

    def info(self) -> EpisodeInfo:
        return EpisodeInfo.from_text(texts_of(self.episodes[-1]))

    def begin(self) -> None:
        answer = self.trigger("start")
        assert answer.success, answer.message
        self.ros.until(lambda: self.info().running, "the episode to begin")

    def observation(self, k: int) -> JointState:
        """Observation k of the episode."""
        first = self.info().start_stamp_ns
        wanted = first + (k * 10**9 + 15) // 30

        def found() -> JointState | None:
            return next((state for state in self.states if stamp_ns(state.header.stamp) == wanted), None)

        self.ros.until(found, f"observation {k}")
        message = found()
        assert message is not None
        return message

    def command(self, answered: JointState, position: object, names: tuple[str, ...] = JOINT_NAMES) -> None:
        message = JointState(name=list(names), position=array.array("d", position))
        message.header.stamp = answered.header.stamp
        self.commands.publish(message)


@LOCKSTEP
def test_nan_and_wrong_joints_hold_the_arm_and_are_reported(ros: Ros) -> None:
    bench = BridgeBench(ros)
    bench.begin()
    home = np.array(bench.observation(0).position)
    bad = [
        ([math.nan] * 6, JOINT_NAMES),
        ([0.0] * 5, JOINT_NAMES[:5]),
        ([0.0] * 7, (*JOINT_NAMES, "thumb")),
        ([0.0] * 4, JOINT_NAMES),
    ]
    for k, (position, names) in enumerate(bad):
        bench.command(bench.observation(k), position, names)
    after = bench.observation(len(bad))
    assert np.abs(np.array(after.position) - home).max() < 0.02, "the arm holds"
    # Any order of names is understood; this one asks the gripper to close.
    wanted = home.copy()
    wanted[5] -= 0.1
    for k in range(len(bad), HORIZON):
        bench.command(bench.observation(k), wanted[::-1], JOINT_NAMES[::-1])
    last = np.array(bench.observation(HORIZON).position)
    assert last[5] < home[5] - 0.03
    assert np.abs(last[:5] - home[:5]).max() < 0.05, "they sag a little"
    ros.until(lambda: bench.info().phase == "ended", "the end")

    def reported() -> bool:
        statuses = [message.status[0] for message in bench.health]
        own = [status for status in statuses if status.name == "mujoco_bridge"]
        refused = any("4 positions for 6 joints" in status.message for status in own)
        return refused and any("elbow_flex is not finite" in texts_of(status) for status in own)

    ros.until(reported, "the refusals in /diagnostics")


@LOCKSTEP
def test_lockstep_order_stamps_and_the_same_numbers_as_gym(ros: Ros) -> None:
    clock: list[Clock] = ros.listen(Clock, "/clock", qos.RECORDER)
    markers: list[MarkerArray] = ros.listen(MarkerArray, "sim/objects", qos.RECORDER)
    bench = BridgeBench(ros)
    description: list[String] = ros.listen(String, "robot_description", qos.LATCHED)
    ros.until(lambda: bench.node.count_subscribers("/clock") > 0, "the subscription of /clock")
    bench.begin()
    env = SoArmEnv(horizon=HORIZON)
    observation, info = env.reset(seed=5)
    total = 0.0
    for k in range(HORIZON):
        state = bench.observation(k)
        assert list(state.position) == observation["joint_position"].tolist()
        assert list(state.velocity) == observation["joint_velocity"].tolist()
        ros.until(lambda stamp=state.header.stamp: any(m.header.stamp == stamp for m in bench.sim), "the state")
        texts = next(texts_of(m.status[0]) for m in bench.sim if m.header.stamp == state.header.stamp)
        assert RewardState.from_text(texts) == info["state"]
        action = observation["joint_position"] + 0.03
        bench.command(state, action)
        observation, reward, *_, info = env.step(action)
        total += reward
    ros.until(lambda: bench.info().phase == "ended", "the end")
    end = bench.info()
    assert (end.seed, end.steps, end.reward, end.failure) == (5, HORIZON, total, info["failure"])
    assert end.latency_p50_ms > 0
    bench.observation(HORIZON)
    stamps = [stamp_ns(state.header.stamp) for state in bench.states]
    assert sorted(set(stamps)) == [end.start_stamp_ns + (k * 10**9 + 15) // 30 for k in range(HORIZON + 1)]
    ros.until(lambda: {stamp_ns(message.clock) for message in clock} == set(stamps), "the clock")
    ros.until(lambda: markers and description, "markers and description")
    assert len(markers[-1].markers) == 2
    assert 'robot name="so_arm100"' in description[0].data


@LOCKSTEP
def test_services_and_the_seed_parameter(ros: Ros) -> None:
    bench = BridgeBench(ros)
    assert not bench.trigger("stop").success
    bench.begin()
    assert "is running; stop or discard it first" in bench.trigger("start").message
    assert bench.trigger("discard").success
    bench.node.set_parameters([Parameter("seed", value=40)])
    bench.begin()
    assert bench.info().seed == 40
    assert bench.switch("set_pause", True).success
    assert bench.switch("set_pause", False).success
    assert bench.switch("estop", True).success
    ros.until(lambda: (bench.info().phase, bench.info().outcome) == ("ended", "estop"), "the end")
    assert "release it first" in bench.trigger("start").message
    assert bench.switch("estop", False).success
    assert bench.switch("enable_torque", False).success
    assert "torque is off" in bench.trigger("start").message
    assert bench.switch("enable_torque", True).success
    assert bench.trigger("reset_world").success
    bench.begin()
    assert bench.info().seed == 41


@LOCKSTEP
def test_a_second_bridge_in_the_same_domain_refuses_to_start(ros: Ros) -> None:
    ros.start(MujocoBridge)
    with pytest.raises(UserError, match="joint_states is already published by node 'mujoco_bridge' in ROS domain"):
        ros.start(MujocoBridge)


@REAL_TIME
def test_real_time_goes_on_by_itself_and_holds_without_commands(ros: Ros) -> None:
    bench = BridgeBench(ros)
    ros.until(lambda: len(bench.states) > 3, "joint states without an episode")
    bench.begin()
    ros.until(lambda: bench.info().phase == "ended", "the end")
    end = bench.info()
    assert (end.outcome, end.steps) == ("failure", HORIZON)
    within = [s for s in bench.states if stamp_ns(s.header.stamp) >= end.start_stamp_ns]
    assert np.ptp([s.position for s in within], axis=0).max() < 0.05
