"""recorder: episodes of a graph end up in a LeRobot dataset, and what is wrong is said in one line."""

from __future__ import annotations

import errno
import json
import math
from pathlib import Path
from typing import Any

import pytest
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from sensor_msgs.msg import Image, JointState
from tests.data.ingest import wired
from tests.nodes.conftest import Ros

from so_arm.core.episode_info import DISCARDED, FAILURE, SUCCESS
from so_arm.core.errors import UserError
from so_arm.core.recorder_status import IDLE, RECORDING, WAITING, RecorderStatus
from so_arm.data.ingest import wire
from so_arm.data.ingest.settings import COMMAND_TOPIC, EPISODE_TOPIC, REWARD_TOPIC, STATE_TOPIC, image_topic
from so_arm.nodes import qos
from so_arm.nodes.messages import texts_of
from so_arm.nodes.recorder import Recorder

pytestmark = [pytest.mark.ros, pytest.mark.torch]

CAMERA = image_topic("static")
FOLDER = Path("recorded")
TYPES = {CAMERA: Image, COMMAND_TOPIC: JointState, STATE_TOPIC: JointState, REWARD_TOPIC: DiagnosticArray}
ARGUMENTS = ["-p", "output:=recorded", "-p", "cameras:=static", "-p", "reward:=true", "-p", "instruction:=Reach."]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path / FOLDER


def _status(heard: list[DiagnosticStatus]) -> RecorderStatus:
    return RecorderStatus.from_text(heard[-1].message, texts_of(heard[-1])) if heard else RecorderStatus()


def _publish(ros: Ros, node: Recorder, senders: dict[str, Any], episode: list[wired.Fed]) -> None:
    """The source of episodes waits until everybody has heard that one begins, and so does this."""
    (first, began), *others = episode
    senders[first].publish(began)
    number = wire.episode_info(began, first).id
    ros.until(lambda: node._thread._ingest.info.id == number, "the episode to be heard")
    for topic, raw in others:
        senders[topic].publish(raw)


@pytest.mark.parametrize("ros", [ARGUMENTS], indirect=True)
def test_episodes_become_a_dataset(ros: Ros, folder: Path) -> None:
    from lerobot.datasets import LeRobotDataset

    node = ros.start(Recorder)
    heard = ros.listen(DiagnosticStatus, "recorder/status", qos.LATCHED)
    ros.until(lambda: "/static_camera/image_raw" in _status(heard).problem, "the recorder to say what it waits for")
    assert _status(heard).phase == WAITING
    senders = {topic: ros.publisher(kind, topic, qos.RECORDER) for topic, kind in TYPES.items()}
    senders[EPISODE_TOPIC] = ros.publisher(DiagnosticStatus, EPISODE_TOPIC, qos.LATCHED)
    ros.until(lambda: _status(heard).phase == IDLE, "the recorder to be ready")

    for number, (steps, outcome) in enumerate([(40, SUCCESS), (10, DISCARDED), (20, FAILURE)], 1):
        start = wired.START_NS + number * 10 * wired.SECOND_NS
        _publish(ros, node, senders, wired.lockstep_episode(steps, number, ("static",), outcome, start))
        ros.until(lambda number=number: _status(heard).episode == f"run-{number}", "the episode to be dealt with")
        assert _status(heard).phase == IDLE
        result = "discarded" if outcome == DISCARDED else "saved"
        assert (_status(heard).result, _status(heard).rows) == (result, 0 if outcome == DISCARDED else steps)
    assert (_status(heard).saved, _status(heard).dataset) == (2, "recorded")
    assert RECORDING in {message.message for message in heard}

    _publish(ros, node, senders, wired.lockstep_episode(10, 4, ("static",), start_ns=90 * wired.SECOND_NS)[:-1])
    ros.until(lambda: node._thread.rows == 10, "the episode that is not to end")
    node.close()
    found = LeRobotDataset("local/recorded", root=folder, video_backend="pyav")
    assert (found.meta.total_episodes, len(found), found.meta.fps) == (2, 60, 30)
    assert found[0]["task"] == "Reach."
    assert float(found[39]["reward"]) == 4.0
    assert [bool(found[k]["success"]) for k in (38, 39, 40, 59)] == [False, True, False, False]
    assert found.meta.episodes[1]["length"] == 20
    record = json.loads((folder / "meta" / "so_arm.json").read_text())
    assert [note["outcome"] for note in record["notes"]] == [SUCCESS, FAILURE]
    assert record["notes"][0]["streams"][CAMERA]["used"] == 40
    assert not (folder / ".recording").exists()


@pytest.mark.parametrize("ros", [ARGUMENTS], indirect=True)
def test_episodes_without_rest_and_with_faults_lose_nothing_silently(ros: Ros, folder: Path) -> None:
    """One that runs before the recorder does, and four that follow it at once, each with its own trouble."""
    from so_arm.data.dataset_check import check

    def at(number: int) -> int:
        return wired.START_NS + number * 10 * wired.SECOND_NS

    def spoilt(number: int, topic: str, raw: bytes) -> list[wired.Fed]:
        """From tick 12 on, `topic` says `raw`."""
        fed = wired.lockstep_episode(20, number, ("static",), start_ns=at(number))
        place = [k for k, (name, _) in enumerate(fed) if name == topic][12]
        return [*fed[:place], (topic, raw), *fed[place + 1 :]]

    senders = {topic: ros.probe.create_publisher(kind, topic, qos.RECORDER) for topic, kind in TYPES.items()}
    senders[EPISODE_TOPIC] = ros.probe.create_publisher(DiagnosticStatus, EPISODE_TOPIC, qos.LATCHED)
    running = wired.lockstep_episode(40, 1, ("static",), start_ns=at(1))
    for topic, raw in running[: len(running) // 2]:
        senders[topic].publish(raw)
    node = ros.start(Recorder)
    heard = ros.listen(DiagnosticStatus, "recorder/status", qos.LATCHED)
    ros.until(lambda: _status(heard).phase == RECORDING, "the episode that runs")
    ros.until(lambda: all(sender.get_subscription_count() for sender in senders.values()), "its subscriptions")
    for topic, raw in running[len(running) // 2 :]:
        senders[topic].publish(raw)
    tick = wired.tick_ns(12, at(2))
    wide, nothing = wired.image(tick, wired.picture(12, (32, 48))), [math.nan] * 6
    for episode in (
        spoilt(2, CAMERA, wide),
        wired.lockstep_episode(20, 3, ("static",), start_ns=at(3)),
        spoilt(4, COMMAND_TOPIC, wired.joints(wired.tick_ns(12, at(4)), nothing)),
        spoilt(5, STATE_TOPIC, wired.joints(wired.tick_ns(12, at(5)), nothing, [f"j{k}" for k in range(6)])),
    ):
        _publish(ros, node, senders, episode)
    ros.until(lambda: _status(heard).episode == "run-5", "the last episode")
    told = {_status([message]).episode: _status([message]) for message in heard}
    assert [told[f"run-{number}"].rows for number in (2, 3, 4, 5)] == [12, 20, 12, 12]
    assert told["run-2"].result.endswith("the image size changed from 24x16 px to 48x32 px")
    assert told["run-3"].result == "saved"
    assert "is not finite" in told["run-4"].result and "joints do not match" in told["run-5"].result
    assert 2 <= told["run-1"].rows <= 21, "what it heard of it, and no more"
    node.close()
    record = json.loads((folder / "meta" / "so_arm.json").read_text())
    assert record["notes"][0]["lead"] == 40 - told["run-1"].rows
    found = check(folder)
    assert (found.episodes, found.problems) == (5, [])
    assert found.frames == sum(status.rows for name, status in told.items() if name)


@pytest.mark.parametrize(
    ("ros", "message"),
    [
        (["-p", "cameras:=static"], "output is empty"),
        (["-p", "output:=/proc/nowhere"], "cannot write /proc/nowhere"),
        (["-p", "output:=filled"], "filled already holds files; choose a new folder, or resume:=true to add to it"),
        (["-p", "output:=filled", "-p", "resume:=true"], "filled is not a LeRobot dataset"),
        (["-p", "output:=new", "-p", "calibration_file:=none.json"], "none.json cannot be read"),
    ],
    indirect=["ros"],
)
def test_what_cannot_be_recorded_is_refused(ros: Ros, message: str, tmp_path: Path) -> None:
    (tmp_path / "filled").mkdir()
    (tmp_path / "filled" / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match=r"\w") as caught:
        ros.start(Recorder)
    assert message in str(caught.value)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize("ros", [[*ARGUMENTS, "-p", "patience:=0.5"]], indirect=True)
def test_a_camera_that_is_not_there_is_named(ros: Ros) -> None:
    node = ros.start(Recorder)
    others = [ros.probe.create_publisher(kind, topic, qos.STATE) for topic, kind in TYPES.items() if topic != CAMERA]
    others.append(ros.probe.create_publisher(DiagnosticStatus, EPISODE_TOPIC, qos.LATCHED))
    ros.until(lambda: node.failure is not None, "the recorder to give up")
    assert str(node.failure).startswith("nobody publishes ")
    assert "/static_camera/image_raw" in str(node.failure)


@pytest.mark.parametrize("ros", [ARGUMENTS], indirect=True)
def test_a_full_disk_ends_the_recorder_and_keeps_what_is_finished(
    ros: Ros, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from so_arm.data import dataset_video
    from so_arm.data.dataset_check import check

    node = ros.start(Recorder)
    heard = ros.listen(DiagnosticStatus, "recorder/status", qos.LATCHED)
    senders = {topic: ros.publisher(kind, topic, qos.RECORDER) for topic, kind in TYPES.items()}
    senders[EPISODE_TOPIC] = ros.publisher(DiagnosticStatus, EPISODE_TOPIC, qos.LATCHED)
    ros.until(lambda: _status(heard).phase == IDLE, "the recorder to be ready")
    _publish(ros, node, senders, wired.lockstep_episode(5, 1, ("static",)))
    ros.until(lambda: _status(heard).saved == 1, "the first episode")

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(dataset_video.av, "open", full)
    start = wired.START_NS + 9 * wired.SECOND_NS
    _publish(ros, node, senders, wired.lockstep_episode(20, 2, ("static",), start_ns=start))
    ros.until(lambda: node.failure is not None, "the recorder to end")
    monkeypatch.undo()
    assert isinstance(node.failure, UserError)
    assert str(node.failure) == "cannot write recorded: no space left on the disk"
    found = check(folder.resolve())
    assert (found.episodes, found.problems, found.notes) == (1, [], [])
