from pathlib import Path

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image, JointState
from std_srvs.srv import SetBool
from tests.nodes.conftest import Ros, running_episode
from tests.nodes.fake_residual import FakeResidual
from trajectory_msgs.msg import JointTrajectory

from so_arm.core.chunk import ActionChunk
from so_arm.core.policy_tick import PolicyTick
from so_arm.learning.residual.corrector import Residual
from so_arm.nodes import qos, residual_corrector
from so_arm.nodes.messages import JointStateWriter, chunk_message, key_values, stamp_ns
from so_arm.nodes.plan_topics import features_message
from so_arm.nodes.residual_corrector import ResidualCorrector

pytestmark = pytest.mark.ros
PERIOD_NS = 33_333_333
START_NS = 10**9


def tick_ns(k: int) -> int:
    return START_NS + k * PERIOD_NS


def chunk(k: int, value: float, n: int = 50) -> JointTrajectory:
    return chunk_message(ActionChunk(tick_ns(k), PERIOD_NS, np.repeat(value + np.arange(n)[:, None] / 1000, 6, axis=1)))


class Bench:
    def __init__(self, ros: Ros) -> None:
        self.ros = ros
        self.node = ros.start(ResidualCorrector)
        self.actions = ros.listen(JointState, "policy/action", qos.RECORDER)
        self.bases = ros.listen(JointState, "policy/base_action", qos.RECORDER)
        self.residuals = ros.listen(JointState, "policy/residual_action", qos.RECORDER)
        self.episode = ros.publisher(DiagnosticStatus, "episode/info", qos.LATCHED)
        self.states = ros.publisher(JointState, "follower/joint_states", qos.STATE)
        self.chunks = ros.publisher(JointTrajectory, "policy/action_chunk", qos.COMMAND)
        self.episode.publish(DiagnosticStatus(values=key_values(running_episode(START_NS).to_text())))
        ros.until(lambda: self.node._episodes.info.running, "the episode to begin")
        ros.until(lambda: self.node._base.get_subscription_count() > 0, "a subscriber of the base action")

    def observe(self, k: int, after_ns: int = 0) -> None:
        seen = self.node.counts["observations"]
        self.states.publish(JointStateWriter().write(tick_ns(k) + after_ns, np.zeros(6)))
        self.ros.until(lambda: self.node.counts["observations"] > seen, "the observation to be seen")

    def plan(self, message: JointTrajectory) -> None:
        seen = self.node.counts["chunks"]
        self.chunks.publish(message)
        self.ros.until(lambda: self.node.counts["chunks"] > seen, "the chunk to be seen")

    def answered(self, count: int) -> JointState:
        self.ros.until(lambda: len(self.actions) >= count, f"{count} actions")
        return self.actions[-1]


def test_lockstep_waits_for_the_chunk_that_answers_exactly(ros: Ros) -> None:
    bench = Bench(ros)
    bench.observe(0)
    assert not bench.actions
    bench.plan(chunk(0, 0.1))
    action = bench.answered(1)
    assert (stamp_ns(action.header.stamp), action.position[0]) == (tick_ns(0), 0.1)
    for k in range(1, 20):
        bench.observe(k)
        assert bench.answered(k + 1).position[0] == 0.1 + k / 1000
    bench.observe(20)
    bench.plan(chunk(3, 0.7))  # nobody waits for this one
    assert len(bench.actions) == 20
    bench.plan(chunk(20, 0.2))
    assert bench.answered(21).position[0] == 0.2
    bench.observe(20)  # published again: the same answer
    assert bench.answered(22).position[0] == 0.2
    ros.until(lambda: len(bench.bases) == len(bench.residuals) == 22, "the other two topics")
    assert all(a.position == b.position for a, b in zip(bench.actions, bench.bases, strict=True))
    assert not any(any(residual.position) for residual in bench.residuals)
    assert bench.node.counts["chunks_dropped"] == 1


def test_a_new_episode_forgets_the_old_one(ros: Ros) -> None:
    bench = Bench(ros)
    bench.observe(0)
    bench.plan(chunk(0, 0.1))
    bench.answered(1)
    again = running_episode(tick_ns(100), "test-2").to_text()
    bench.episode.publish(DiagnosticStatus(values=key_values(again)))
    ros.until(lambda: bench.node._episodes.info.id == "test-2", "the next episode")
    bench.plan(chunk(1, 0.3))
    bench.observe(100)
    bench.plan(chunk(100, 0.5))
    assert bench.answered(2).position[0] == 0.5


@pytest.mark.parametrize("ros", [["-p", "lockstep:=false"]], indirect=True)
def test_real_time_goes_on_with_the_old_chunk_and_skips_what_is_past(ros: Ros) -> None:
    bench = Bench(ros)
    bench.observe(0)
    bench.plan(chunk(0, 0.1))
    bench.observe(2)
    assert bench.answered(1).position[0] == 0.1 + 2 / 1000
    bench.observe(25)
    assert bench.answered(2).position[0] == 0.1 + 25 / 1000
    bench.plan(chunk(20, 0.5))
    bench.observe(26)
    assert bench.answered(3).position[0] == 0.5 + 6 / 1000
    bench.observe(200)
    assert bench.node.counts["observations_without_chunk"] == 2


@pytest.mark.parametrize("ros", [["-p", "lockstep:=false"]], indirect=True)
def test_an_arm_that_reports_faster_is_answered_once_per_control_tick(ros: Ros) -> None:
    bench = Bench(ros)
    bench.plan(chunk(0, 0.1))
    for tenth in range(30):
        bench.observe(0, after_ns=tenth * 10_000_000)
    bench.answered(10)
    assert len(bench.actions) == 10


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(residual_corrector, "Residual", FakeResidual)


def expected(k: int, value: float, before: np.ndarray | None = None) -> np.ndarray:
    """Action (6,) of the fake at tick k of the chunk (0, value); its feature is 0.5."""
    residual, plan = FakeResidual(), value + np.repeat(np.arange(50)[:, None] / 1000, 6, axis=1)
    if before is not None:
        residual.correct(PolicyTick(0, before, plan, 0, np.array([0.5])))
    return residual.correct(PolicyTick(tick_ns(k), np.zeros(6), plan[k:], k, np.array([0.5]))).action


def test_lockstep_waits_for_the_features_too_and_counts_a_repeated_observation_once(ros: Ros, fake: None) -> None:
    bench = Bench(ros)
    features = ros.publisher(Image, "policy/features", qos.COMMAND)
    bench.observe(0)
    bench.plan(chunk(0, 0.1))
    features.publish(features_message(tick_ns(3), np.array([0.7])))  # of another observation
    ros.until(lambda: bench.node._pairs._features is not None, "the features to be seen")
    features.publish(features_message(tick_ns(0), np.array([0.5])))
    assert np.array_equal(bench.answered(1).position, expected(0, 0.1))
    bench.observe(1)
    assert np.array_equal(bench.answered(2).position, expected(1, 0.1, np.zeros(6)))
    bench.observe(1)
    assert np.array_equal(bench.answered(3).position, bench.actions[1].position)
    ros.until(lambda: len(bench.bases) == len(bench.residuals) == 3, "the other two topics")
    for action, base, residual in zip(bench.actions, bench.bases, bench.residuals, strict=True):
        assert np.array_equal(np.array(base.position) + residual.position, action.position)
        assert any(residual.position)
    picture = Image(encoding="rgb8", height=1, width=1, step=3, data=bytes(3))
    for refused, message in enumerate((features_message(tick_ns(2), np.zeros(2)), picture), start=1):
        features.publish(message)
        ros.until(lambda n=refused: bench.node.counts["problems"] == n, f"refusal {refused}")


@pytest.mark.parametrize("ros", [["-p", "lockstep:=false"]], indirect=True)
def test_real_time_tells_of_chunks_that_lost_their_features(
    ros: Ros, fake: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(ros)
    bench.plan(chunk(0, 0.1))
    monkeypatch.setattr(residual_corrector.time, "monotonic", lambda: 1e9)
    bench.observe(1)
    assert "chunks come without their features on policy/features for" in bench.node.check_health()[1]
    assert not bench.actions


def test_a_service_and_a_parameter_switch_the_same_residual(ros: Ros, fake: None) -> None:
    bench = Bench(ros)
    features = ros.publisher(Image, "policy/features", qos.COMMAND)
    bench.plan(chunk(0, 0.1))
    features.publish(features_message(tick_ns(0), np.array([0.5])))
    bench.observe(0)
    assert bench.answered(1).position[0] != 0.1
    answer = ros.call(SetBool, "residual_corrector/set_enabled", SetBool.Request(data=False))
    assert (answer.success, answer.message) == (True, "residual off")
    assert not bench.node.get_parameter("enabled").value
    bench.observe(1)
    assert bench.answered(2).position.tolist() == [0.1 + 1 / 1000] * 6
    ros.until(lambda: len(bench.residuals) == 2, "the residual")
    assert not any(bench.residuals[1].position)
    bench.node.set_parameters([Parameter("enabled", value=True)])
    bench.observe(2)
    assert bench.answered(3).position[0] != 0.1 + 2 / 1000


@pytest.mark.parametrize(
    "ros", [["-p", "residual_path:=r", "-p", "policy_path:=p", "-p", "task:=reach"]], indirect=True
)
def test_the_residual_is_asked_to_fit_policy_and_task(ros: Ros, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[object] = []
    monkeypatch.setattr(Residual, "load", lambda *given: asked.extend(given) or FakeResidual())
    ros.start(ResidualCorrector)
    assert asked == [Path("r"), Path("p"), "reach"]


def test_parameters_change_while_running_within_their_range(ros: Ros, fake: None) -> None:
    node = ros.start(ResidualCorrector)

    def set_to(name: str, value: object) -> tuple[bool, str]:
        result = node.set_parameters([Parameter(name, value=value)])[0]
        return result.successful, result.reason

    assert set_to("bound", [0.05] * 5 + [1.0]) == (True, "")
    assert node._residual.limited.tolist() == [0.05] * 5 + [0.1]
    assert "from 0.0 to 1.0" in set_to("bound", [1.5])[1]
    assert "expected 1 or 6" in set_to("bound", [0.1] * 2)[1]
    assert set_to("enabled", False) == (True, "")
    assert not node.settings.enabled
