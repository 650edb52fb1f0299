"""Recorded observations through the live graph give the report that `replay-eval` gives without it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.data.conversion import arm_bags
from tests.data.conversion.arm_bags import Sent, episode, tick_ns, write
from tests.data.episodes import NEW_NAMES, write_dataset
from tests.nodes.conftest import Ros
from tests.nodes.fake_policy import FakePolicy
from tests.nodes.processes import FAKE_POLICY, NodeProcess

from so_arm.analysis.replay_facts import episode_facts
from so_arm.analysis.replay_report import build_report
from so_arm.analysis.replay_scores import score
from so_arm.core.chunk_settings import ChunkSettings
from so_arm.core.errors import UserError
from so_arm.core.files import json_text
from so_arm.core.residual import residual_scale_rad
from so_arm.data.conversion import message_bytes
from so_arm.data.conversion.bag_recording import BagRecording
from so_arm.data.dataset_schema import Record
from so_arm.learning.replay import replay
from so_arm.learning.replay_reward import computed_reward
from so_arm.learning.residual.corrector import Residual
from so_arm.nodes.replay_player import ReplayPlayer
from so_arm.rewards.registry import make_reward
from so_arm.rewards.state import RewardState

pytestmark = [pytest.mark.ros, pytest.mark.slow]
CAMERAS, SIZE = ("static", "wrist"), (64, 64)
STARTS = (arm_bags.START_NS, 20 * 10**9)


@pytest.fixture(scope="module")
def bag(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two episodes of 45 ticks with the simulation's states."""
    sent: list[Sent] = []
    for start_ns in STARTS:
        sent += episode(45, start_ns, CAMERAS, size=SIZE)
        sent += [_sim_state(tick, tick_ns(tick, start_ns)) for tick in range(46)]
    return write(tmp_path_factory.mktemp("recording") / "bag", sent)


def _sim_state(tick: int, stamp_ns: int) -> Sent:
    away = 0.3 - 0.005 * tick
    state = RewardState(
        object_position=(0.2, 0.1, 0.02),
        target_position=(0.25, -0.1, 0.02),
        gripper_position=(0.2 + away, 0.1, 0.05),
        object_height=0.0,
        gripper_object_contacts=tick % 3,
        object_speed=0.001 * tick,
        gripper_opening=0.5,
        ever_lifted=False,
        success=tick == 45,
        tick=tick,
    )
    raw = message_bytes.status_array(stamp_ns, "sim/state", "", state.to_text())
    return Sent("sim/state", stamp_ns, stamp_ns, bytes(raw))


@pytest.fixture
def graph(tmp_path: Path, ros_domain: int, bag: Path) -> Iterator[dict[str, NodeProcess]]:
    def start(name: str, **parameters: object) -> NodeProcess:
        return NodeProcess(name, ros_domain, tmp_path, **parameters)

    nodes = {
        "policy": start("act_policy", script=FAKE_POLICY, policy_path="fake"),
        "residual": start("residual_corrector"),
        "reward": start("reward_estimator", reward="v3"),
        "player": start(
            "replay_player", recording=bag, policy_path="fake", reward="v3", results_file=tmp_path / "report.json"
        ),
    }
    yield nodes
    for node in nodes.values():
        node.kill()


def test_the_graph_gives_the_numbers_of_the_replay_without_it(
    graph: dict[str, NodeProcess], tmp_path: Path, bag: Path
) -> None:
    player = graph["player"]
    assert player.wait() == 0, player.output
    live = (tmp_path / "report.json").read_text()

    recording, residual, reward = BagRecording(bag, 30), Residual.load(None), make_reward("v3")
    facts, scores = [], []
    for index in range(2):
        frames = recording.episode(index)
        predictions = replay(frames, FakePolicy(), ChunkSettings().timeline(30), residual)
        facts.append(episode_facts(frames, computed_reward(frames, reward), 30))
        scores.append(score(frames, predictions, 30, residual_scale_rad(residual.bound)))
    settings = json.loads(live)["settings"]
    assert json_text(build_report(settings, facts, {settings["policies"][0]: scores})) == live
    assert (settings["recording"], settings["reward"], settings["episodes"]) == (str(bag), "v3", [0, 1])
    assert all(len(fact["reward"]["trace"]) == 45 and fact["predicted_success"] for fact in facts)
    assert scores[0]["chunks"] == 3


@pytest.fixture
def recordings(tmp_path: Path, bag: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In the working folder: the bag, and a slow dataset."""
    monkeypatch.chdir(tmp_path)
    Path("bag").symlink_to(bag)
    still = np.full((20, 6), 10.0)
    Record().save(write_dataset(Path("slow"), [(still, still)], NEW_NAMES, fps=15))


def _parameters(**values: object) -> list[str]:
    return [word for name, value in values.items() for word in ("-p", f"{name}:={value}")]


@pytest.mark.usefixtures("recordings")
@pytest.mark.parametrize(
    ("ros", "said"),
    [
        (_parameters(), "parameter recording is empty"),
        (_parameters(recording="nowhere"), "nowhere does not exist"),
        (_parameters(recording="bag", lockstep="false"), "lockstep is false"),
        (_parameters(recording="slow", policy_path="fake"), "has 15 Hz, fps is 30; give its rate"),
    ],
    indirect=["ros"],
)
def test_what_cannot_be_replayed_is_refused(ros: Ros, said: str) -> None:
    with pytest.raises(UserError) as caught:
        ros.start(ReplayPlayer)
    assert said in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.usefixtures("recordings")
@pytest.mark.parametrize("ros", [_parameters(recording="bag", policy_path="fake", patience=1.0)], indirect=True)
def test_a_node_that_is_not_there_is_named(ros: Ros) -> None:
    player = ros.start(ReplayPlayer)
    ros.until(lambda: player.failure is not None, "the player to give up")
    assert isinstance(player.failure, UserError)
    assert "/policy/action_chunk; is act_policy running?" in str(player.failure)
