"""episode_runner's preparations: the way home and the cameras."""

from __future__ import annotations

import pytest

pytestmark = pytest.mark.ros


class Driver:
    """Answers ~/home as told."""

    def __init__(self, ros, answers: list[tuple[bool, str]]) -> None:
        from std_srvs.srv import Trigger

        self.asked = 0

        def serve(request, response):
            response.success, response.message = answers[min(self.asked, len(answers) - 1)]
            self.asked += 1
            return response

        ros.probe.create_service(Trigger, "motor_driver/home", serve)


def _home(ros, patience_s: float):
    from so_arm.nodes.episode_preparations import HomeDrive
    from so_arm.nodes.episode_runner import EpisodeRunner

    runner = ros.start(EpisodeRunner)
    home = HomeDrive(runner, "motor_driver", patience_s)
    return runner, home


def test_home_is_asked_for_again_until_the_arm_is_there(ros):
    driver = Driver(ros, [(False, "no power"), (True, "at home")])
    _, home = _home(ros, 30.0)
    ros.until(lambda: home.missing() is None, "the service")
    ros.until(home.arrived, "the arm at home")
    assert driver.asked == 2
    assert home.arrived() and driver.asked == 2
    home.leave()
    ros.until(home.arrived, "the arm at home again")
    assert driver.asked == 3


def test_a_driver_that_cannot_ends_the_node_with_its_reason(ros):
    Driver(ros, [(False, "emergency stop")])
    runner, home = _home(ros, 0.5)
    ros.until(lambda: home.missing() is None, "the service")
    ros.until(lambda: home.arrived() or runner.failure is not None, "the end")
    assert str(runner.failure) == "motor_driver does not get the arm home: emergency stop"


def test_a_driver_that_is_not_there_is_named(ros):
    _, home = _home(ros, 1.0)
    assert home.missing() == "there is no service motor_driver/home; is motor_driver running?"


def test_cameras_count_once_they_have_delivered(ros):
    from sensor_msgs.msg import CameraInfo

    from so_arm.nodes import qos
    from so_arm.nodes.episode_preparations import CamerasSeen
    from so_arm.nodes.episode_runner import EpisodeRunner

    runner = ros.start(EpisodeRunner)
    seen = CamerasSeen(runner, ["static", "wrist"])
    static = ros.publisher(CameraInfo, "static_camera/camera_info", qos.IMAGE)
    wrist = ros.publisher(CameraInfo, "wrist_camera/camera_info", qos.IMAGE)
    assert seen.missing() == "no picture of camera static, wrist; see /diagnostics of static_camera"
    static.publish(CameraInfo())
    ros.until(lambda: "static," not in seen.missing(), "the first camera")
    wrist.publish(CameraInfo())
    ros.until(lambda: seen.missing() is None, "the second camera")
    assert CamerasSeen(runner, []).missing() is None


def test_what_is_waited_for_is_told_once_and_only_when_it_takes_long():
    from so_arm.nodes.episode_preparations import WaitLog

    lines: list[str] = []
    log = WaitLog(lines.append)
    for tenth in range(100):
        reason = "no picture of camera wrist" if tenth < 60 else ""
        log.note("is act_policy running?" if tenth < 20 else reason, 0.1 * tenth, 3.0)
    assert lines == ["waiting: no picture of camera wrist"]
    log.note("no picture of camera wrist", 20.0, 3.0)
    log.note("no picture of camera wrist", 23.0, 3.0)
    assert len(lines) == 2, "again, for the next episode"


@pytest.mark.parametrize("ros", [["-p", "cameras:=static wrist"]], indirect=True)
def test_the_runner_says_which_camera_it_waits_for(ros, terminal, monkeypatch):
    from so_arm.nodes import episode_runner
    from so_arm.nodes.episode_runner import EpisodeRunner

    monkeypatch.setattr(episode_runner, "WAITING_S", 0.3)
    monkeypatch.setattr(EpisodeRunner, "_absent", lambda self: None)
    ros.start(EpisodeRunner)
    ros.until(lambda: terminal.said("[episode_runner]: waiting: no picture of camera static, wrist"), "the reason")


def test_a_refusal_of_the_driver_is_kept_while_it_lasts(ros):
    Driver(ros, [(False, "emergency stop"), (True, "at home")])
    _, home = _home(ros, 30.0)
    ros.until(lambda: home.missing() is None, "the service")
    ros.until(lambda: home.arrived() or home.refusal, "the refusal")
    assert home.refusal == "motor_driver does not get the arm home: emergency stop"
    ros.until(home.arrived, "the arm at home")
    assert home.refusal == ""
