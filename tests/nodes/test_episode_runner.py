import pytest

from so_arm.core.errors import UserError

pytestmark = pytest.mark.ros


def test_a_second_runner_in_the_domain_is_refused(ros):
    from so_arm.nodes.episode_runner import EpisodeRunner

    ros.start(EpisodeRunner)
    with pytest.raises(UserError, match="another /episode_runner is running in ROS domain"):
        ros.start(EpisodeRunner)
