"""The whole graph, a process per node, against the same policy in gym."""

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.nodes.fake_policy import FakePolicy
from tests.nodes.fake_residual import FakeResidual
from tests.nodes.processes import FAKE_POLICY, FAKE_RESIDUAL, NodeProcess

from so_arm.core.chunk_settings import ChunkSettings
from so_arm.core.episode_record import NO_ANSWER, EpisodeRecord, record_path
from so_arm.learning.controller import PolicyController
from so_arm.learning.evaluation import run_episode
from so_arm.sim.env import SoArmEnv

pytestmark = [pytest.mark.ros, pytest.mark.gl, pytest.mark.slow]
HORIZON, SEEDS = 45, (11, 12, 13)


@pytest.fixture
def graph(tmp_path: Path, ros_domain: int) -> Iterator[dict[str, NodeProcess]]:
    def start(name: str, **parameters: object) -> NodeProcess:
        return NodeProcess(name, ros_domain, tmp_path, **parameters)

    records = tmp_path / "records"
    nodes = {
        "bridge": start("mujoco_bridge", horizon=HORIZON, seed=SEEDS[0], record_dir=records),
        "residual": start("residual_corrector", script=FAKE_RESIDUAL),
        "mux": start("command_mux"),
        "reward": start("reward_estimator"),
        "policy": start("act_policy", script=FAKE_POLICY, policy_path="fake"),
    }
    yield nodes
    for node in nodes.values():
        node.kill()


def test_lockstep_equals_gym_to_the_last_bit(graph: dict[str, NodeProcess], tmp_path: Path, ros_domain: int) -> None:
    results, summary = tmp_path / "results.jsonl", tmp_path / "summary.json"
    runner = NodeProcess(
        "episode_runner", ros_domain, tmp_path, episodes=len(SEEDS), results_file=results, summary_file=summary
    )
    assert runner.wait() == 0, runner.output
    through_graph = [json.loads(line) for line in results.read_text().splitlines()]
    assert json.loads(summary.read_text())["episodes"] == through_graph

    env = SoArmEnv(horizon=HORIZON, image_size=(64, 64))
    controller = PolicyController(FakePolicy(), ChunkSettings().timeline(30), FakeResidual())
    for seed, result in zip(SEEDS, through_graph, strict=True):
        positions, actions, rewards = [], [], []

        def keep(tick: int, before: object, action: np.ndarray, reward: float) -> None:
            positions.append(before["joint_position"])  # noqa: B023
            actions.append(action)  # noqa: B023
            rewards.append(reward)  # noqa: B023

        assert run_episode(env, controller, seed, keep).to_dict() == result
        record = EpisodeRecord.load(record_path(tmp_path / "records", seed))
        assert np.array_equal(record.joint_position, positions)
        assert np.array_equal(record.action, actions)
        assert np.array_equal(record.reward, rewards)
        assert np.all(record.latency_ns != NO_ANSWER)

    # Ctrl-C ends every node, quietly and leaving nothing.
    for node in graph.values():
        assert node.interrupt() == 0, node.output
        assert "Traceback" not in node.output
