"""Episodes of a real arm over ROS."""

from __future__ import annotations

import pytest

from so_arm.core.errors import UserError

pytestmark = pytest.mark.ros


def _info(messages):
    from so_arm.core.episode_info import EpisodeInfo
    from so_arm.nodes.messages import texts_of

    return EpisodeInfo.from_text(texts_of(messages[-1]))


@pytest.mark.parametrize("ros", [["-p", "seed:=3"]], indirect=True)
def test_started_and_judged_by_services(ros):
    from diagnostic_msgs.msg import DiagnosticStatus
    from std_srvs.srv import Trigger

    from so_arm.nodes import qos
    from so_arm.nodes.episode_manager import EpisodeManager

    ros.start(EpisodeManager)
    heard = ros.listen(DiagnosticStatus, "episode/info", qos.LATCHED)
    ros.until(lambda: heard, "the phase before the first episode")
    assert _info(heard).phase == "idle"
    refused = ros.call(Trigger, "episode_manager/succeed", Trigger.Request())
    assert not refused.success and refused.message == "no episode is running"
    assert ros.call(Trigger, "episode_manager/start", Trigger.Request()).success
    ros.until(lambda: _info(heard).running, "the start")
    assert _info(heard).seed == 3 and _info(heard).start_stamp_ns > 0
    assert ros.call(Trigger, "episode_manager/succeed", Trigger.Request()).success
    ros.until(lambda: _info(heard).outcome == "success", "the end")


@pytest.mark.parametrize("ros", [["-p", "time_limit:=0.3"]], indirect=True)
def test_time_runs_out(ros):
    from diagnostic_msgs.msg import DiagnosticStatus
    from std_srvs.srv import Trigger

    from so_arm.nodes import qos
    from so_arm.nodes.episode_manager import EpisodeManager

    ros.start(EpisodeManager)
    heard = ros.listen(DiagnosticStatus, "episode/info", qos.LATCHED)
    ros.call(Trigger, "episode_manager/start", Trigger.Request())
    ros.until(lambda: heard and _info(heard).failure == "timeout", "the timeout")


@pytest.mark.parametrize("ros", [["-p", "lockstep:=true"]], indirect=True)
def test_no_lockstep(ros):
    from so_arm.nodes.episode_manager import EpisodeManager

    with pytest.raises(UserError, match="a real arm does not wait"):
        ros.start(EpisodeManager)
