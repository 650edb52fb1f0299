"""replay.launch.xml: the policy's part of the graph and the player, and nothing that could move an arm."""

from pathlib import Path

from tests.launcher.test_launch_files import nodes


def test_policy_residual_and_player_in_lockstep(tmp_path: Path) -> None:
    graph = nodes(tmp_path, "replay.launch.xml", recording="/data/bag", results_file="/data/report.json")
    assert set(graph) == {"act_policy", "residual_corrector", "replay_player"}
    assert graph["act_policy"]["lockstep"] is True and graph["residual_corrector"]["lockstep"] is True
    player = graph["replay_player"]
    assert (player["recording"], player["results_file"], player["reward"]) == ("/data/bag", "/data/report.json", "")
    assert player["policy_path"] == graph["act_policy"]["policy_path"]
    assert player["fps"] == graph["residual_corrector"]["fps"] == 30


def test_a_reward_that_is_computed_anew_has_its_node(tmp_path: Path) -> None:
    graph = nodes(tmp_path, "replay.launch.xml", recording="bag", reward="v2")
    assert graph["reward_estimator"]["reward"] == graph["replay_player"]["reward"] == "v2"
