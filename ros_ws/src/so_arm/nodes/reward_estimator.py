"""reward_estimator: the reward of every control tick, from the simulator's privileged state."""

from __future__ import annotations

from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from std_msgs.msg import Float64

from so_arm.core.episode_info import IDLE, EpisodeInfo
from so_arm.core.errors import UserError
from so_arm.nodes import qos
from so_arm.nodes.episode_listener import EpisodeListener
from so_arm.nodes.messages import diagnostic_array, key_values, stamp_ns, texts_of
from so_arm.nodes.parameters import parameter
from so_arm.nodes.runtime import RuntimeNode, run
from so_arm.rewards.registry import DEFAULT_REWARD, make_reward
from so_arm.rewards.state import RewardState


@dataclass(frozen=True)
class Settings:
    reward: str = parameter(DEFAULT_REWARD, "Reward: v1, v2, v3, stable or file:PATH.")


class RewardEstimator(RuntimeNode[Settings]):
    def __init__(self) -> None:
        super().__init__("reward_estimator", Settings)

    def setup(self) -> None:
        self._reward = make_reward(self.settings.reward)
        self._last_ns = 0
        self._episodes = EpisodeListener(self, self._on_episode)
        self._total = self.create_publisher(Float64, "reward", qos.STATE)
        self._terms = self.create_publisher(DiagnosticArray, "reward/terms", qos.STATE)
        # Every tick has its reward, also when this process was held up for a moment.
        self.create_subscription(DiagnosticArray, "sim/state", self._on_state, qos.RECORDER)
        self.get_logger().info(f"ready: {self._reward.name}")

    def _on_episode(self, info: EpisodeInfo) -> None:
        if info.running:
            self._last_ns = info.start_stamp_ns  # the state before the first tick has no reward

    def _on_state(self, message: DiagnosticArray) -> None:
        stamp = stamp_ns(message.header.stamp)
        info = self._episodes.info
        if info.phase == IDLE or stamp <= self._last_ns:
            return
        try:
            state = RewardState.from_text(texts_of(message.status[0]))
            if not info.running and state.tick > info.steps:
                return  # between episodes
            total, terms = self._reward(state), self._reward.terms(state)
        except (UserError, IndexError) as error:
            self.problem(str(error) or "sim/state is empty")
            return
        self._last_ns = stamp
        self.counts["rewards"] += 1
        self._total.publish(Float64(data=total))
        values = {"total": total} | terms
        texts = {name: repr(float(value)) for name, value in values.items()}
        texts |= {"success": str(state.success), "source": self._reward.name, "tick": str(state.tick)}
        status = DiagnosticStatus(name="reward", message=self._reward.name, values=key_values(texts))
        self._terms.publish(diagnostic_array(stamp, status))


def main() -> None:
    run(RewardEstimator)


if __name__ == "__main__":
    main()
