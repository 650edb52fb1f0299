"""Bags of an arm as recordings: what the rows take from them, and what is wrong with them said by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.data.conversion import arm_bags
from tests.data.conversion.arm_bags import COMMANDS, EPISODES, REWARDS, STATES, Sent, episode, position, tick_ns, write

from so_arm.core.episode_info import DISCARDED, STOPPED
from so_arm.core.errors import UserError
from so_arm.data import ros_types
from so_arm.data.bags import writer as bag_writer
from so_arm.data.bags.writer import BagWriter
from so_arm.data.conversion import message_bytes
from so_arm.data.conversion.bag_recording import BagRecording
from so_arm.data.recordings.recording import open_recording

STATIC, WRIST = "static_camera/image_raw", "wrist_camera/image_raw"
SECOND_NS = 10**9


def opened(folder: Path, sent: list[Sent], **options) -> BagRecording:
    return BagRecording(write(folder / "bag", sent, **options), arm_bags.FPS)


def refusal(folder: Path, sent: list[Sent], **options) -> str:
    with pytest.raises(UserError) as caught:
        opened(folder, sent, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_rows_are_what_was_sent(tmp_path: Path) -> None:
    found = opened(tmp_path, episode(10))
    frames = found.episode(0)
    assert frames.stamps_ns.tolist() == [tick_ns(tick) for tick in range(10)]
    assert np.array_equal(frames.state, [position(tick) for tick in range(10)])
    assert np.array_equal(frames.action, [position(tick) + 0.1 for tick in range(10)])
    assert np.array_equal(frames.reward, [0.1 * tick for tick in range(10)])
    assert frames.intervention.tolist() == [False] * 5 + [True] * 5
    assert frames.reward_success is True
    assert (frames.success, frames.task) == (True, "reach")
    assert np.allclose(frames.latency_ms, 4.0)
    assert np.array_equal(frames.images(7)["static"], arm_bags.picture("static", 7))


def test_the_states_of_a_simulation_belong_to_the_ticks_before_them(tmp_path: Path) -> None:
    sent = episode(4)
    states = []
    for tick in range(5):
        texts = {"tick": str(tick)}
        status = message_bytes.status_array(tick_ns(tick), "sim/state", "", texts)
        states.append(Sent("sim/state", tick_ns(tick), tick_ns(tick), bytes(status)))
    frames = opened(tmp_path, [*sent, *states]).episode(0)
    assert [texts["tick"] for texts in frames.sim_states] == ["1", "2", "3", "4"]
    gap = opened(tmp_path / "gap", [*sent, *states[:3], *states[4:]]).episode(0)
    assert [texts and texts["tick"] for texts in gap.sim_states] == ["1", "2", None, "4"]
    assert opened(tmp_path / "none", sent).episode(0).sim_states is None


def test_discarded_episodes_are_none(tmp_path: Path) -> None:
    sent = episode(5) + episode(6, 10 * SECOND_NS, outcome=DISCARDED) + episode(7, 20 * SECOND_NS, outcome=STOPPED)
    found = opened(tmp_path, sent)
    assert [len(found.episode(index)) for index in range(len(found))] == [5, 7]
    assert [report.rows for report in found.reports] == [5, 6, 7]
    assert found.episode(1).success is None, "nobody judged it"
    assert np.array_equal(found.episode(1).image_of("static", 6), arm_bags.picture("static", 6))


def test_a_bag_that_tells_of_no_episodes_is_one(tmp_path: Path) -> None:
    late = [message for message in episode(12) if message.topic != EPISODES]
    late = [message for message in late if message.topic != STATIC or message.stamp_ns >= tick_ns(2)]
    frames = opened(tmp_path, late).episode(0)
    assert frames.stamps_ns[0] == tick_ns(2), "from the moment when every topic has begun"
    assert len(frames) == 10
    assert (frames.name, frames.success) == ("bag", None)


def test_jpeg_where_there_is_nothing_else(tmp_path: Path) -> None:
    found = opened(tmp_path, episode(3, compressed=True))
    assert found.cameras == ("static",)
    error = found.episode(0).images(2)["static"].astype(int) - arm_bags.picture("static", 2)
    assert np.abs(error).mean() < 4


def test_a_namespace_is_found_and_two_are_asked_about(tmp_path: Path) -> None:
    assert opened(tmp_path, episode(3), namespace="/left").episode(0).stamps_ns[0] == tick_ns(0)
    with BagWriter(tmp_path / "two") as writer:
        for namespace in ("/left", "/right"):
            for message in episode(3, cameras=()):
                writer.add_topic(f"{namespace}/{message.topic}", arm_bags.TYPES[message.topic])
                writer.write(f"{namespace}/{message.topic}", message.log_ns, message.raw)
    with pytest.raises(UserError, match="several arms; choose a namespace: /left, /right"):
        BagRecording(tmp_path / "two", arm_bags.FPS)
    assert len(BagRecording(tmp_path / "two", arm_bags.FPS, "right")) == 1


def test_two_cameras_of_different_rates(tmp_path: Path) -> None:
    """A slow camera's pictures serve several ticks, which is counted."""
    sent = episode(20, cameras=("static", "wrist"))
    slow = [m for m in sent if m.topic != WRIST or m.stamp_ns in [tick_ns(tick) for tick in range(0, 20, 2)]]
    found = opened(tmp_path, slow)
    frames, counts = found.episode(0), found.reports[0].streams
    assert len(frames) == 20
    assert (counts[WRIST].used, counts[WRIST].repeated, counts[STATIC].repeated) == (10, 10, 0)
    assert np.array_equal(frames.image_of("wrist", 15), arm_bags.picture("wrist", 14)), "the earlier of two as near"
    assert np.array_equal(frames.image_of("static", 11), arm_bags.picture("static", 11))


def test_a_clock_that_jumps_backwards_cuts_the_episode_there(tmp_path: Path) -> None:
    sent = episode(30)
    back = [m if m.log_ns < tick_ns(15) or m.topic != STATES else _earlier(m, 10 * SECOND_NS) for m in sent]
    found = opened(tmp_path, back)
    report = found.reports[0]
    assert len(found.episode(0)) < 20
    assert "follower/joint_states" in report.cut and "\n" not in report.cut
    assert found.episode(0).success is None


def _earlier(message: Sent, by_ns: int) -> Sent:
    tick = round((message.stamp_ns - arm_bags.START_NS) * arm_bags.FPS / SECOND_NS)
    raw = message_bytes.joint_state(message.stamp_ns - by_ns, position(tick))
    return message._replace(stamp_ns=message.stamp_ns - by_ns, raw=bytes(raw))


@pytest.mark.parametrize("topic", [STATES, COMMANDS, STATIC])
def test_a_topic_that_stops_cuts_the_episode_there(tmp_path: Path, topic: str) -> None:
    found = opened(tmp_path, [m for m in episode(40) if m.topic != topic or m.stamp_ns < tick_ns(10)])
    assert 10 <= len(found.episode(0)) <= 13
    assert topic in found.reports[0].cut


def test_rewards_that_are_missing_are_missing(tmp_path: Path) -> None:
    frames = opened(tmp_path, [m for m in episode(6) if m.topic != REWARDS or m.stamp_ns != tick_ns(3)]).episode(0)
    assert np.isnan(frames.reward).tolist() == [False, False, True, False, False, False]
    assert frames.reward_success is True  # the verdict is that of the last tick
    without = opened(tmp_path / "last", [m for m in episode(6) if m.topic != REWARDS or m.stamp_ns != tick_ns(6)])
    assert without.episode(0).reward_success is None


@pytest.mark.parametrize("length", [3, 40])
@pytest.mark.parametrize("topic", [STATES, COMMANDS, STATIC, REWARDS])
def test_messages_that_are_none_cut_where_they_are_needed(tmp_path: Path, topic: str, length: int) -> None:
    torn = [m._replace(raw=m.raw[:length]) if (m.stamp_ns, m.topic) == (tick_ns(5), topic) else m for m in episode(12)]
    found = opened(tmp_path, torn)
    assert topic in found.reports[0].cut and "\n" not in found.reports[0].cut
    assert len(found.episode(0)) <= 6


def test_a_bag_without_the_topics_lists_what_it_has(tmp_path: Path) -> None:
    said = refusal(tmp_path, [m for m in episode(4) if m.topic in (STATES, EPISODES)])
    assert "lacks /follower/joint_commands, needed for an episode" in said
    assert "/episode/info (2 of diagnostic_msgs/msg/DiagnosticStatus)" in said
    said = refusal(tmp_path / "images", [m for m in episode(4) if m.topic == STATIC])
    assert "lacks /follower/joint_states, /follower/joint_commands" in said


def test_an_empty_bag(tmp_path: Path) -> None:
    assert "holds no message; it has no topics" in refusal(tmp_path, [])
    with BagWriter(tmp_path / "silent") as writer:
        writer.add_topic("/follower/joint_states", ros_types.JOINT_STATE)
    with pytest.raises(UserError, match="its topics are empty: /follower/joint_states"):
        BagRecording(tmp_path / "silent", arm_bags.FPS)


def test_a_topic_of_another_type(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        for message in episode(2, cameras=()):
            kind = "acme_msgs/msg/Command" if message.topic == COMMANDS else arm_bags.TYPES[message.topic]
            writer.add_topic(f"/{message.topic}", kind)
            writer.write(f"/{message.topic}", message.log_ns, message.raw)
    with pytest.raises(UserError, match="joint_commands is of type acme_msgs/msg/Command, expected sensor_msgs/msg/Jo"):
        BagRecording(tmp_path / "bag", arm_bags.FPS)


def test_unknown_types_beside_the_arm_do_not_matter(tmp_path: Path) -> None:
    with BagWriter(tmp_path / "bag") as writer:
        for message in episode(4):
            writer.add_topic("/gripper/force", "acme_msgs/msg/Force")
            writer.write("/gripper/force", message.log_ns, b"whatever")
            writer.add_topic(f"/{message.topic}", arm_bags.TYPES.get(message.topic, ros_types.IMAGE))
            writer.write(f"/{message.topic}", message.log_ns, message.raw)
    assert len(BagRecording(tmp_path / "bag", arm_bags.FPS).episode(0)) == 4


def test_other_joints_are_named(tmp_path: Path) -> None:
    """The episode has no row then, and the reason is the bag's."""
    sent = episode(3)
    wrong = [m._replace(raw=m.raw.replace(b"elbow_flex", b"elbow_knee")) if m.topic == STATES else m for m in sent]
    assert "follower/joint_states: joints do not match (missing elbow_flex; unknown elbow_knee)" in refusal(
        tmp_path, wrong
    )


@pytest.fixture
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bag_writer, "CHUNK_BYTES", 10_000)


def test_a_truncated_file_gives_what_is_whole(tmp_path: Path, small_chunks: None) -> None:
    sent = episode(30, cameras=()) + episode(90, 10 * SECOND_NS, cameras=())
    bag = write(tmp_path / "bag", sent)
    (bag / "metadata.yaml").unlink()
    file = next(bag.glob("*.mcap"))
    file.write_bytes(file.read_bytes()[: file.stat().st_size * 6 // 10])
    found = BagRecording(bag, arm_bags.FPS)
    assert len(found.episode(0)) == 30
    assert 0 < found.reports[1].rows < 90
    assert found.reports[1].cut


def test_a_damaged_part_is_left_out(tmp_path: Path, small_chunks: None) -> None:
    bag = write(tmp_path / "bag", episode(30) + episode(60, 10 * SECOND_NS) + episode(30, 20 * SECOND_NS))
    file = next(bag.glob("*.mcap"))
    data = bytearray(file.read_bytes())
    at = data.index(message_bytes.joint_state(tick_ns(20, 10 * SECOND_NS), position(20)))
    data[at + 20] ^= 0xFF
    file.write_bytes(data)
    found = BagRecording(bag, arm_bags.FPS)
    assert "CRC" in found.damage[0] or "crc" in found.damage[0]
    assert [len(found.episode(index)) for index in (0, len(found) - 1)] == [30, 30]


def test_a_bag_with_nothing_but_refused_episodes_says_why(tmp_path: Path) -> None:
    said = refusal(tmp_path, episode(3, outcome=DISCARDED))
    assert "holds no episode with frames (e-5000000000: discarded)" in said


def test_a_bag_is_known_by_its_files(tmp_path: Path) -> None:
    bag = write(tmp_path / "bag", episode(3))
    file = next(bag.glob("*.mcap"))
    assert len(open_recording(bag, 30.0).episode(0)) == len(open_recording(file, 30.0).episode(0)) == 3
    (bag / "metadata.yaml").unlink()
    assert len(open_recording(bag, 30.0)) == 1
    with pytest.raises(UserError, match="neither a LeRobot dataset"):
        open_recording(tmp_path, 30.0)
