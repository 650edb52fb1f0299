"""Messages through `so-arm bag record` and out of `so-arm bag play` again: all of them, as they were."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

rclpy = pytest.importorskip("rclpy")

from rclpy.qos import QoSDurabilityPolicy, QoSHistoryPolicy, QoSProfile, QoSReliabilityPolicy  # noqa: E402
from rclpy.serialization import deserialize_message  # noqa: E402
from rosgraph_msgs.msg import Clock  # noqa: E402
from sensor_msgs.msg import Image, JointState  # noqa: E402
from std_msgs.msg import String  # noqa: E402
from std_srvs.srv import SetBool  # noqa: E402
from tests.data.bags.samples import START_NS, STATES, joint_state  # noqa: E402
from tests.nodes.processes import NodeProcess, ros_env  # noqa: E402

from so_arm.core.errors import UserError  # noqa: E402
from so_arm.data.bags import qos as bag_qos  # noqa: E402
from so_arm.data.bags.checks import check  # noqa: E402
from so_arm.data.bags.reader import open_bag  # noqa: E402
from so_arm.data.bags.writer import BagWriter  # noqa: E402
from so_arm.nodes import qos  # noqa: E402
from so_arm.nodes.bag_player import BagPlayerNode  # noqa: E402
from so_arm.nodes.message_types import as_published, as_recorded, message_type, to_subscribe  # noqa: E402
from so_arm.nodes.messages import stamp_ns  # noqa: E402

pytestmark = [pytest.mark.ros, pytest.mark.slow]
DESCRIPTION, IMAGE = "/robot_description", "/static_camera/image_raw"
TICKS = 60
PERIOD_S = 0.01


@contextlib.contextmanager
def _so_arm_bag(domain: int, log: Path, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """``so-arm bag WORDS``, ended when the block is left."""
    with log.open("w") as output:
        command = [sys.executable, "-m", "so_arm.cli.main", "bag", *words]
        process = subprocess.Popen(command, env=ros_env(domain), stdout=output, stderr=subprocess.STDOUT)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(60)
            finally:
                process.kill()


def _until_recorded(ros, folder: Path, publishers: dict[str, Any]) -> None:
    """Publish first messages until they are in the bag: who publishes finds its subscribers before they find it."""

    def are_there() -> bool:
        for publisher in publishers.values():
            publisher.publish(publisher.msg_type())
            time.sleep(0.05)
        try:
            with open_bag(folder) as bag:
                return all(topic in bag.topics and bag.topics[topic].count for topic in publishers)
        except UserError:
            return False

    ros.until(are_there, "the recorder")


def _messages() -> list[tuple[JointState, Image | None]]:
    made = []
    for tick in range(TICKS):
        state = JointState(name=["shoulder_pan"], position=[float(tick)])
        state.header.stamp.nanosec = tick
        picture = None
        if tick % 3 == 0:
            picture = Image(height=480, width=640, encoding="rgb8", step=1920)
            picture.data = bytes([tick]) * 921600
        made.append((state, picture))
    return made


def test_recorded_and_played_messages_are_those_that_were_published(ros, ros_domain, tmp_path):
    latched = ros.probe.create_publisher(String, DESCRIPTION, qos.LATCHED)
    latched.publish(String(data="<robot/>"))  # before anybody records
    # A publisher forgets what its queue has no room for, also what nobody has heard yet: here it has room for all.
    states = ros.probe.create_publisher(JointState, STATES, qos.RECORDER)
    images = ros.probe.create_publisher(Image, IMAGE, qos.RECORDER)
    made = _messages()
    words = ("record", "-o", str(tmp_path / "bag"), "-t", "/follower/.*", "-t", IMAGE, "-t", DESCRIPTION)
    more = ("--task", "pick_place", "--split-size", "5MB", "--json", str(tmp_path / "record.json"))
    with _so_arm_bag(ros_domain, tmp_path / "record.log", *words, *more) as recorder:
        _until_recorded(ros, tmp_path / "bag", {STATES: states, IMAGE: images})
        late = ros.probe.create_publisher(String, "/follower/late", qos.STATE)
        for state, picture in made:
            states.publish(state)
            if picture is not None:
                images.publish(picture)
            time.sleep(PERIOD_S)
        ros.until(late.get_subscription_count, "the recorder of a topic that came late")
        late.publish(String(data="late"))
        time.sleep(PERIOD_S)
        for publisher in (states, images, late):
            publisher.wait_for_all_acked()
        recorder.send_signal(signal.SIGINT)
        assert recorder.wait(60) == 0, (tmp_path / "record.log").read_text()
    told = json.loads((tmp_path / "record.json").read_text())
    assert told["lost"] == 0 and told["topics"][DESCRIPTION] == told["topics"]["/follower/late"] == 1
    with open_bag(tmp_path / "bag") as bag:
        found = check(bag)
        assert {topic.name: topic.count for topic in found.topics} == told["topics"]
        assert found.problems == []
        assert len(bag.files) > 1 and bag.custom_data["task"] == "pick_place"
        assert bag_qos.parse(bag.topics[DESCRIPTION].qos)[0]["durability"] == "transient_local"
        recorded = {topic: [message.data for message in bag.messages([topic])] for topic in bag.topics}
    # As messages: bytes between fields are not set by who serialises them.
    said_states = [deserialize_message(data, JointState) for data in recorded[STATES]]
    said_images = [deserialize_message(data, Image) for data in recorded[IMAGE]]
    assert said_states[-TICKS:] == [state for state, _ in made]
    assert said_images[-TICKS // 3 :] == [picture for _, picture in made if picture is not None]
    for publisher in (states, images, latched, late):
        ros.probe.destroy_publisher(publisher)

    played_states = ros.listen(JointState, STATES, qos.RECORDER)
    played_images = ros.listen(Image, IMAGE, qos.RECORDER)
    with _so_arm_bag(
        ros_domain, tmp_path / "play.log", "play", str(tmp_path / "bag"), "--rate", "2", "--loop"
    ) as player:
        ros.until(lambda: played_states, "the first state")
        described = ros.listen(String, DESCRIPTION, qos.LATCHED)  # late, yet in time for a latched message
        # Who listens may be found late; from the second round on it hears all.
        ros.until(lambda: len(played_states) > 2 * len(said_states), "all states, twice")
        ros.until(lambda: len(played_images) > 2 * len(said_images), "all images, twice")
        ros.until(lambda: described, "the latched message")
        player.send_signal(signal.SIGINT)
        assert player.wait(60) == 0, (tmp_path / "play.log").read_text()
    assert "messages published" in (tmp_path / "play.log").read_text()
    assert _last_round(played_states, said_states) == said_states
    assert _last_round(played_images, said_images) == said_images


def test_messages_that_get_lost_on_the_way_are_counted(ros, ros_domain, tmp_path):
    picture = Image(height=480, width=640, encoding="rgb8", step=1920, data=bytes(921_600))
    images = ros.probe.create_publisher(Image, IMAGE, qos.IMAGE)
    published = 0

    def publish() -> None:
        nonlocal published
        published += 1
        images.publish(picture)

    node = NodeProcess("bag_recorder", ros_domain, tmp_path, output=tmp_path / "bag", topics=[IMAGE], report=True)
    try:
        ros.until(images.get_subscription_count, "the recorder")
        ros.until(lambda: publish() or f'"{IMAGE}": ' in node.output, "the first image")
        assert '"missed": {}' in node.output, "what was published before it came is nothing that it missed"
        before = published - 1
        node.signal(signal.SIGSTOP)
        for _ in range(60):  # twice what the shared memory holds
            publish()
            time.sleep(PERIOD_S)
        node.signal(signal.SIGCONT)
        missed = f'"missed": {{"{IMAGE}": '
        ros.until(lambda: publish() or missed in node.output, "what was missed")
        assert images.wait_for_all_acked()
        assert node.interrupt() == 0, node.output
    finally:
        node.kill()
    last = json.loads(node.output.splitlines()[-1])
    # What went missing after the last message that came cannot be known.
    assert 0 < last["missed"][IMAGE] <= 60
    assert (published - before) / 2 < last["topics"][IMAGE] + last["missed"][IMAGE] <= published


def _last_round(heard: list[Any], recorded: list[Any]) -> list[Any]:
    """The last whole round among the messages that were heard of a bag that is played again and again."""
    end = len(heard) - 1 - heard[::-1].index(recorded[-1])
    return heard[end + 1 - len(recorded) : end + 1]


def _small_bag(folder: Path) -> Path:
    with BagWriter(folder) as writer:
        writer.add_topic(STATES, "sensor_msgs/msg/JointState")
        writer.add_topic("/grip", "arm_msgs/msg/Grip")
        for tick in range(10):
            writer.write(STATES, START_NS + tick * 10_000_000, joint_state(tick, tick))
            writer.write("/grip", START_NS + tick * 10_000_000, b"\0\1\0\0")
    return folder


PLAYED = ["-p", "bag:=bag", "-p", "loop:=true", "-p", "clock:=true"]


@pytest.mark.parametrize("ros", [PLAYED], indirect=True)
def test_player_loops_skips_what_is_not_installed_and_pauses(ros, tmp_path, monkeypatch):
    _small_bag(tmp_path / "bag")
    monkeypatch.chdir(tmp_path)
    heard = ros.listen(JointState, STATES, qos.RECORDER)
    clock = ros.listen(Clock, "/clock", qos.RECORDER)
    node = ros.start(BagPlayerNode)
    ros.until(lambda: heard, "the first message")
    begun = time.monotonic()
    ros.until(lambda: len(heard) > 25, "three rounds")
    assert time.monotonic() - begun > 0.1  # they take 0.25 s; the first may have been heard late
    assert [message.position[0] for message in heard[:25]] == [float(number % 10) for number in range(25)]
    assert node.check_health()[1] == "/grip is not played: the type arm_msgs/msg/Grip is not installed"
    assert START_NS <= stamp_ns(clock[-1].clock) <= START_NS + 10**9
    assert ros.call(SetBool, "bag_player/set_pause", SetBool.Request(data=True)).message == "paused"
    stands_at_ns = node._bag_time.now_ns()
    clock.clear()
    ros.until(lambda: len(clock) > 5, "the time that stands still")
    assert {stamp_ns(message.clock) for message in clock[2:]} == {stands_at_ns}
    count = len(heard)
    assert ros.call(SetBool, "bag_player/set_pause", SetBool.Request(data=False)).message == "playing"
    ros.until(lambda: len(heard) > count, "more after the pause")


def test_quality_of_service_from_and_to_a_bag():
    info = QoSProfile(history=QoSHistoryPolicy.UNKNOWN, depth=0, durability=QoSDurabilityPolicy.TRANSIENT_LOCAL)
    text = as_recorded([info])
    assert bag_qos.parse(text)[0]["reliability"] == "reliable"
    again = as_published(text)
    assert again.durability == QoSDurabilityPolicy.TRANSIENT_LOCAL and again.depth == 10
    unsure = QoSProfile(depth=5, reliability=QoSReliabilityPolicy.BEST_EFFORT)
    both = to_subscribe([info, unsure], 1000)
    assert (both.reliability, both.durability) == (QoSReliabilityPolicy.BEST_EFFORT, QoSDurabilityPolicy.VOLATILE)
    alike = to_subscribe([qos.LATCHED, qos.LATCHED], 7)
    assert (alike.reliability, alike.durability) == (qos.LATCHED.reliability, qos.LATCHED.durability)
    assert alike.depth == 7
    assert to_subscribe([qos.LATCHED, qos.STATE], 7).durability == qos.STATE.durability
    assert as_published(as_recorded([unsure])).reliability == QoSReliabilityPolicy.BEST_EFFORT
    assert as_published("").reliability == QoSReliabilityPolicy.RELIABLE


def test_types_by_name():
    assert message_type("sensor_msgs/msg/JointState") is JointState
    for name in ("arm_msgs/msg/Grip", "sensor_msgs/msg/Nothing", "odd", ""):
        with pytest.raises(UserError, match="is not installed"):
            message_type(name)
