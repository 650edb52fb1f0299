import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from sensor_msgs.msg import Image, JointState
from tests.nodes.conftest import Ros, running_episode
from trajectory_msgs.msg import JointTrajectory

from so_arm.core.errors import UserError
from so_arm.learning.controller import Prediction
from so_arm.nodes import act_policy, qos
from so_arm.nodes.act_policy import ActPolicyNode
from so_arm.nodes.camera_topics import has_listeners
from so_arm.nodes.messages import ImageWriter, JointStateWriter, chunk_from_message, key_values, stamp_ns
from so_arm.nodes.plan_topics import features_from_message

pytestmark = pytest.mark.ros
PERIOD_NS = 33_333_333
START_NS = 10**9
HOME = np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6])


class StillPolicy:
    """Says: stay where you are, plus the brightness of the images; which is its feature."""

    fps = 30
    camera_names: tuple[str, ...] = ("static", "wrist")
    feature_size = 1

    def image_size(self, name: str) -> tuple[int, int]:
        return (16, 16)

    def reset(self) -> None: ...

    def predict(self, state_rad: np.ndarray, images: dict[str, np.ndarray]) -> Prediction:
        seen = sum(float(image.mean()) for image in images.values()) / 1000
        return Prediction(np.tile(state_rad + seen, (50, 1)), np.array([seen], np.float32))


@pytest.fixture
def policy(monkeypatch: pytest.MonkeyPatch) -> type[StillPolicy]:
    kind = type("Policy", (StillPolicy,), {})
    monkeypatch.setattr(act_policy, "load_policy", lambda *_: kind())
    return kind


class Bench:
    def __init__(self, ros: Ros) -> None:
        self.ros = ros
        self.node = ros.start(ActPolicyNode)
        self.chunks = ros.listen(JointTrajectory, "policy/action_chunk", qos.RECORDER)
        self.health = ros.listen(DiagnosticArray, "/diagnostics", qos.STATE)
        self.episode = ros.publisher(DiagnosticStatus, "episode/info", qos.LATCHED)
        self.states = ros.publisher(JointState, "follower/joint_states", qos.STATE)
        self.images = {n: ros.publisher(Image, f"{n}_camera/image_raw", qos.IMAGE) for n in ("static", "wrist")}
        self.episode.publish(DiagnosticStatus(values=key_values(running_episode(START_NS).to_text())))
        ros.until(lambda: self.node._episodes.info.running, "the episode to begin")
        ros.until(lambda: self.node._topics._chunks.get_subscription_count() > 0, "a subscriber of the chunks")

    def image(self, name: str, k: int, brightness: int = 0) -> None:
        seen = self.node.counts[f"{name}_images"]
        writer = ImageWriter("f", 16, 16)
        self.images[name].publish(writer.write(START_NS + k * PERIOD_NS, np.full((16, 16, 3), brightness, np.uint8)))
        self.ros.until(lambda: self.node.counts[f"{name}_images"] > seen, f"the image of {name}")

    def state(self, k: int) -> None:
        seen = self.node.counts["observations"]
        self.states.publish(JointStateWriter().write(START_NS + k * PERIOD_NS, HOME))
        self.ros.until(lambda: self.node.counts["observations"] > seen, "the joint state")

    def planned(self, count: int) -> JointTrajectory:
        self.ros.until(lambda: len(self.chunks) >= count, f"{count} chunks")
        return self.chunks[-1]


PATH = ["-p", "policy_path:=somewhere"]


@pytest.mark.parametrize("ros", [PATH], indirect=True)
def test_lockstep_plans_when_due_on_images_of_the_same_moment(ros: Ros, policy: type[StillPolicy]) -> None:
    bench = Bench(ros)
    bench.image("static", 0, 100)
    bench.state(0)
    assert not bench.chunks
    bench.image("wrist", 0, 50)  # the last part of the observation may be any of them
    chunk = chunk_from_message(bench.planned(1), 1)
    assert (chunk.stamp_ns, chunk.period_ns) == (START_NS, PERIOD_NS)
    assert np.array_equal(chunk.actions[0], HOME + 0.15)
    for k in range(1, 21):
        for name in ("static", "wrist"):
            bench.image(name, k)
        bench.state(k)
    assert stamp_ns(bench.planned(2).header.stamp) == START_NS + 20 * PERIOD_NS
    features = ros.listen(Image, "policy/features", qos.RECORDER)
    ros.until(lambda: has_listeners(bench.node._topics._features), "a listener of the features")
    bench.state(20)  # published again: somebody lacks the answer
    assert stamp_ns(bench.planned(3).header.stamp) == START_NS + 20 * PERIOD_NS
    ros.until(lambda: features, "the features")
    assert (stamp_ns(features[0].header.stamp), features[0].height) == (START_NS + 20 * PERIOD_NS, 1)
    assert features_from_message(features[0]).tolist() == [0.0]


@pytest.mark.parametrize("ros", [[*PATH, "-p", "lockstep:=false"]], indirect=True)
def test_real_time_takes_the_newest_images_but_not_old_ones(ros: Ros, policy: type[StillPolicy]) -> None:
    bench = Bench(ros)
    bench.image("static", 0)
    bench.state(1)
    ros.until(
        lambda: any(message.status[0].message == "no plan: no image of camera wrist" for message in bench.health),
        "the reason",
    )
    bench.image("wrist", 1, 100)
    bench.state(2)
    assert np.array_equal(chunk_from_message(bench.planned(1), 1).actions[0], HOME + 0.1)
    bench.state(40)
    assert len(bench.chunks) == 1
    ros.until(
        lambda: any("no image of camera static for 1.3 s" in message.status[0].message for message in bench.health),
        "the reason",
    )


@pytest.mark.parametrize("ros", [PATH], indirect=True)
def test_features_that_do_not_match_are_named(ros: Ros, policy: type[StillPolicy]) -> None:
    policy.camera_names = ("static", "front")
    with pytest.raises(UserError, match=r"observation\.images\.front has no camera; cameras are static, wrist"):
        ros.start(ActPolicyNode)
    policy.camera_names = ("static",)
    policy.fps = 50
    with pytest.raises(UserError, match="acts at 50 Hz; the control rate is 30 Hz"):
        ros.start(ActPolicyNode)


@pytest.mark.parametrize("ros", [PATH], indirect=True)
def test_smaller_images_than_the_policy_wants_end_the_node(ros: Ros, policy: type[StillPolicy]) -> None:
    policy.image_size = lambda self, name: (24, 32) if name == "static" else (48, 16)  # type: ignore[method-assign]
    bench = Bench(ros)
    bench.image("static", 0)
    bench.image("wrist", 0)
    bench.states.publish(JointStateWriter().write(START_NS, HOME))
    ros.until(lambda: bench.node.failure, "the refusal")
    assert isinstance(bench.node.failure, UserError)
    said = str(bench.node.failure)
    assert "camera static: its images are 16x16 px (width x height), the policy wants 32x24 px" in said
    assert said.endswith("launch with image_height:=48 image_width:=32")
    assert not bench.chunks
