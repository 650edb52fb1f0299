import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from std_msgs.msg import Float64
from tests.nodes.conftest import Ros, running_episode

from so_arm.nodes import qos
from so_arm.nodes.messages import diagnostic_array, key_values, texts_of
from so_arm.nodes.reward_estimator import RewardEstimator
from so_arm.sim.env import SoArmEnv

pytestmark = pytest.mark.ros


def test_the_reward_equals_that_of_the_environment(ros: Ros) -> None:
    node = ros.start(RewardEstimator)
    rewards = ros.listen(Float64, "reward", qos.RECORDER)
    terms = ros.listen(DiagnosticArray, "reward/terms", qos.RECORDER)
    episode = ros.publisher(DiagnosticStatus, "episode/info", qos.LATCHED)
    states = ros.publisher(DiagnosticArray, "sim/state", qos.STATE)
    episode.publish(DiagnosticStatus(values=key_values(running_episode(100).to_text())))
    ros.until(lambda: node._episodes.info.running, "the episode to begin")

    env = SoArmEnv(horizon=30)
    observation, info = env.reset(seed=3)
    expected = []
    stamp = 100
    for k in range(30):
        status = DiagnosticStatus(values=key_values(info["state"].to_text()))
        states.publish(diagnostic_array(stamp, status))
        states.publish(diagnostic_array(stamp, status))  # an observation may come twice
        ros.until(lambda: len(rewards) == len(expected), "the reward")
        observation, reward, *_, info = env.step(observation["joint_position"] + [0.01, 0.02, 0.03, 0.01, 0.05, 0.04])
        expected.append(reward)
        stamp += k + 1
    assert [message.data for message in rewards] == expected[:29]
    ros.until(lambda: len(terms) == 29, "the terms")
    texts = texts_of(terms[-1].status[0])
    assert float(texts["total"]) == expected[28]
    assert {"success", "source", "tick"} < set(texts)
    assert texts["source"] == "v3"
