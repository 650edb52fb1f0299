import pytest

from so_arm.core.errors import UserError

pytestmark = pytest.mark.ros


def test_a_second_runner_in_the_domain_is_refused(ros):
    from so_arm.nodes.episode_runner import EpisodeRunner

    ros.start(EpisodeRunner)
    with pytest.raises(UserError, match="another /episode_runner is running in ROS domain"):
        ros.start(EpisodeRunner)


@pytest.mark.parametrize("ros", [["-p", "results_file:=/dev/full"]], indirect=True)
def test_a_full_disk_is_one_line(ros):
    from so_arm.core.episode_info import EpisodeInfo
    from so_arm.nodes.episode_runner import EpisodeRunner

    runner = ros.start(EpisodeRunner)
    ended = EpisodeInfo(id="test-1", phase="ended", outcome="success", steps=3)
    with pytest.raises(UserError, match="cannot write /dev/full: no space left on the disk"):
        runner._finish_episode(ended)


def test_a_discarded_episode_does_not_count_and_a_reset_world_is_no_dead_end(ros):
    from so_arm.core.episode_info import EpisodeInfo
    from so_arm.nodes.episode_runner import EpisodeRunner

    runner = ros.start(EpisodeRunner)
    runner._starting = object()
    runner._on_episode(EpisodeInfo(id="test-1", phase="running"))
    runner._on_episode(EpisodeInfo(id="test-1", phase="ended", outcome="discarded"))
    assert runner._results == []
    assert runner._starting is None
    runner._starting = object()
    runner._on_episode(EpisodeInfo(id="test-2", phase="running"))
    runner._on_episode(EpisodeInfo(phase="idle"))
    assert runner._starting is None
