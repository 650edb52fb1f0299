"""episode_manager: episodes of a real arm, which a person starts and judges."""

from __future__ import annotations

from dataclasses import dataclass

from so_arm.core.clock import date_ns
from so_arm.core.errors import UserError
from so_arm.core.human_episodes import HumanEpisodes
from so_arm.nodes.episode_topic import EpisodeTopic
from so_arm.nodes.parameters import parameter
from so_arm.nodes.runtime import RuntimeNode, run
from so_arm.nodes.services import create_triggers

_LOOK_S = 0.1


@dataclass(frozen=True)
class Settings:
    task: str = parameter("pick_place", "Task that the arm is given; only a name here.")
    seed: int = parameter(0, "Number of the first episode; the others follow it.", low=0, high=2**31 - 1)
    time_limit: float = parameter(60.0, "An episode fails after this time; 0: never [s].", low=0.0, high=86_400.0)
    fps: int = parameter(30, "Control rate, by which steps are counted [Hz].", low=1, high=200)
    lockstep: bool = parameter(False, "Not here: a real arm does not wait.")


class EpisodeManager(RuntimeNode[Settings]):
    def __init__(self) -> None:
        super().__init__("episode_manager", Settings)

    def setup(self) -> None:
        settings = self.settings
        if settings.lockstep:
            raise UserError("lockstep:=true: a real arm does not wait; use hardware_type:=mujoco, or lockstep:=false")
        self.refuse_other_publishers("episode/info")
        self._episodes = HumanEpisodes(
            settings.task, settings.seed, settings.fps, settings.time_limit, EpisodeTopic(self).publish, date_ns
        )
        episodes = self._episodes
        episodes.sequence.announce()
        create_triggers(
            self,
            start=episodes.start,
            stop=episodes.stop,
            discard=episodes.discard,
            succeed=episodes.succeed,
            fail=episodes.fail,
        )
        self.create_timer(_LOOK_S, episodes.watch)
        self.get_logger().info("ready")


def main() -> None:
    run(EpisodeManager)


if __name__ == "__main__":
    main()
