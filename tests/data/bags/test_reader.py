"""Bags that are not as they should be: torn, compressed, mixed, damaged, or none at all."""

from __future__ import annotations

import os

import pytest
import yaml
import zstandard
from mcap.writer import CompressionType, IndexType, Writer
from rosbags.rosbag2 import Reader
from tests.data.bags.samples import IMAGES, START_NS, STATES, joint_state, make_bag

from so_arm.core.errors import UserError
from so_arm.data.bags.checks import check
from so_arm.data.bags.mcap_writer import McapWriter
from so_arm.data.bags.reader import open_bag
from so_arm.data.bags.repair import repair
from so_arm.data.bags.writer import BagWriter


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return make_bag(tmp_path_factory.mktemp("bags") / "drive")


@pytest.fixture
def bag(tmp_path, whole):
    """A copy to damage."""
    (tmp_path / "drive").mkdir()
    for file in whole.iterdir():
        (tmp_path / "drive" / file.name).write_bytes(file.read_bytes())
    return tmp_path / "drive"


def _numbers(path, topics=(STATES,)):
    with open_bag(path) as bag:
        return [(message.log_ns - START_NS) // 10_000_000 for message in bag.messages(topics)]


def test_topics_are_read_alone(whole):
    assert _numbers(whole) == list(range(100))
    assert _numbers(whole, [IMAGES]) == list(range(0, 100, 3))
    assert _numbers(whole, []) == []


def test_equal_times_and_interleaving_of_chunks(whole):
    with open_bag(whole) as bag:
        times = [message.log_ns for message in bag.messages()]
        assert times == sorted(times) and len(times) == 134
        assert bag.custom_data == {"task": "pick_place"}
        assert (bag.start_ns, bag.end_ns, bag.duration_s) == (START_NS, START_NS + 990_000_000, 0.99)


@pytest.mark.parametrize("share", [0.999, 0.5, 0.02])
def test_truncated_file_gives_its_whole_chunks_and_is_repaired(bag, share):
    (file,) = bag.glob("*.mcap")
    (bag / "metadata.yaml").unlink()
    os.truncate(file, int(file.stat().st_size * share))
    with open_bag(bag) as opened:
        count = opened.message_count
        states, images = ([*opened.messages([topic])] for topic in (STATES, IMAGES))
        assert count == len(states) + len(images)
        assert [message.log_ns for message in states] == [START_NS + n * 10_000_000 for n in range(len(states))]
        assert len(states) % 20 == 0 and opened.custom_data == {"task": "pick_place"}
        assert any("no metadata.yaml" in warning for warning in opened.warnings)
        assert any("has no end" in warning or "no message is lost" in warning for warning in opened.warnings)
        assert check(opened).problems
    assert {0.999: 134, 0.5: 80, 0.02: 20}[share] >= count >= {0.999: 134, 0.5: 40, 0.02: 0}[share]
    done = repair(bag)
    assert done[0].startswith(f"{file.name} finished: {count} messages") and "metadata.yaml written" in done[-1]
    with open_bag(bag) as opened:
        assert (opened.message_count, opened.warnings, check(opened).problems) == (count, [], [])
        assert opened.custom_data == {"task": "pick_place"}
    with Reader(bag) as reader:
        assert sum(1 for _ in reader.messages()) == reader.message_count == count
    assert repair(bag) == [f"metadata.yaml written: {count} messages in 1 files"]


def test_wherever_a_file_is_cut_it_opens(tmp_path):
    """And holds what was whole."""
    folder = make_bag(tmp_path / "bag", states=2)
    (file,) = folder.glob("*.mcap")
    data = file.read_bytes()
    target = tmp_path / "cut.mcap"
    seen = set()
    for size in [*range(0, 100, 7), *range(100, len(data), 311), len(data) - 1]:
        target.write_bytes(data[:size])
        with open_bag(target) as opened:
            assert len(list(opened.messages([STATES]))) <= opened.message_count <= 3
            seen.add(opened.message_count)
    assert seen == {0, 2, 3}


def test_chunk_whose_index_is_cut_off_is_repaired(bag):
    (file,) = bag.glob("*.mcap")
    with open_bag(bag) as opened:
        last = opened.files[0].chunks[-1]
    os.truncate(file, last.offset + last.length + 10)
    repair(bag)
    with open_bag(bag) as opened:
        assert (opened.message_count, opened.warnings) == (134, [])
    with Reader(bag) as reader:
        assert sum(1 for _ in reader.messages()) == 134
    assert (bag / f"{file.name}.cut_off").stat().st_size == 10


def test_damaged_chunk_is_named_and_the_rest_is_read(bag):
    (file,) = bag.glob("*.mcap")
    with open_bag(bag) as opened:
        chunk = next(found for found in opened.files[0].chunks if len(found.indexes) == 1 and 1 in found.indexes)
    data = bytearray(file.read_bytes())
    data[chunk.offset + 200] ^= 1
    file.write_bytes(data)
    with open_bag(bag) as opened:
        with pytest.raises(UserError, match=f"the chunk at byte {chunk.offset} is damaged"):
            list(opened.messages())
        found = check(opened)
    assert any("its messages are lost" in problem for problem in found.problems)
    assert {topic.name: topic.count for topic in found.topics}[STATES] == 80


def test_bag_that_is_being_recorded_is_not_repaired(tmp_path):
    (tmp_path / "bag").mkdir()
    writer = McapWriter(tmp_path / "bag" / "bag_0.mcap")
    with pytest.raises(UserError, match="is being written; stop its recorder first"):
        repair(tmp_path / "bag")
    writer.close()
    repair(tmp_path / "bag")


@pytest.mark.parametrize("compression", [CompressionType.ZSTD, CompressionType.LZ4, CompressionType.NONE])
@pytest.mark.parametrize("form", ["chunked", "unindexed", "unchunked", "truncated"])
def test_files_of_other_writers(tmp_path, compression, form):
    path = tmp_path / "other.mcap"
    with path.open("wb") as stream:
        indexes = IndexType.NONE if form == "unindexed" else IndexType.ALL
        writer = Writer(
            stream, chunk_size=2000, compression=compression, index_types=indexes, use_chunking=form != "unchunked"
        )
        writer.start("ros2", "other")
        schema = writer.register_schema("sensor_msgs/msg/JointState", "ros2msg", b"string[] name")
        channel = writer.register_channel(STATES, "cdr", schema)
        for tick in (*range(50, 100), *range(50)):
            log_ns = START_NS + tick * 10_000_000
            writer.add_message(channel, log_ns, joint_state(log_ns), log_ns)
        if form != "truncated":
            writer.finish()
    if form == "truncated":
        os.truncate(path, path.stat().st_size - 7)
    numbers = _numbers(path)
    assert numbers == sorted(numbers)
    assert len(numbers) == 100 if form != "truncated" else 50 <= len(numbers) < 100


def test_file_compressed_as_a_whole(bag):
    (file,) = bag.glob("*.mcap")
    packed = zstandard.ZstdCompressor().compress(file.read_bytes())
    (bag / f"{file.name}.zstd").write_bytes(packed)
    file.unlink()
    text = (bag / "metadata.yaml").read_text().replace("drive_0.mcap", "drive_0.mcap.zstd")
    (bag / "metadata.yaml").write_text(text)
    assert _numbers(bag) == list(range(100))
    with pytest.raises(UserError, match="compressed as a whole"):
        repair(bag)
    (bag / f"{file.name}.zstd").write_bytes(packed[:200])
    with open_bag(bag) as opened:
        assert opened.message_count == 0 and any("has no end" in warning for warning in opened.warnings)
    (bag / f"{file.name}.zstd").write_bytes(b"not zstd")
    with pytest.raises(UserError, match=r"drive_0\.mcap\.zstd is damaged"):
        open_bag(bag)


def test_messages_compressed_one_by_one(tmp_path):
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic(STATES, "sensor_msgs/msg/JointState")
        writer.write(STATES, 1, zstandard.ZstdCompressor().compress(joint_state(1, 0.5)))
    path = tmp_path / "bag" / "metadata.yaml"
    path.write_text(path.read_text().replace("compression_mode: ''", "compression_mode: MESSAGE"))
    with open_bag(tmp_path / "bag") as opened:
        assert [message.data for message in opened.messages()] == [joint_state(1, 0.5)]
        assert check(opened).problems == []


def test_metadata_that_does_not_fit_is_told(bag):
    path = bag / "metadata.yaml"
    data = yaml.safe_load(path.read_text())
    data["rosbag2_bagfile_information"]["message_count"] = 7
    data["rosbag2_bagfile_information"]["relative_file_paths"].append("drive_1.mcap")
    path.write_text(yaml.safe_dump(data))
    with open_bag(bag) as opened:
        assert opened.warnings == [
            "drive_1.mcap is in metadata.yaml, but not in the folder",
            "metadata.yaml says 7 messages, there are 134",
        ]
    path.write_text("{broken")
    with open_bag(bag) as opened:
        assert opened.warnings == ["metadata.yaml is damaged"] and opened.message_count == 134


def test_stamps_that_go_backwards_and_messages_that_do_not_decode(tmp_path):
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic(STATES, "sensor_msgs/msg/JointState")
        writer.add_topic("/odd", "arm_msgs/msg/Unknown")
        writer.add_topic("/own", "arm_msgs/msg/Own", definition="float64 x", type_hash="RIHS01_1")
        for tick, stamp in enumerate((10, 30, 20, 40)):
            writer.write(STATES, START_NS + tick * 10**9, joint_state(stamp))
        writer.write(STATES, START_NS + 9 * 10**9, b"\0\1\0\0short")
        writer.write("/odd", START_NS, b"\0\1\0\0????")
        writer.write("/own", START_NS, b"\0\1\0\0" + bytes(8))
    with open_bag(tmp_path / "bag") as opened:
        assert opened.topics["/own"].definition == "float64 x" and opened.topics["/own"].type_hash == "RIHS01_1"
        found = check(opened)
    checks = {topic.name: topic for topic in found.topics}
    states = checks[STATES]
    assert (states.count, states.backwards, states.undecodable, states.gaps) == (5, 1, 1, 1)
    assert states.longest_gap_s == pytest.approx(6.0)
    assert "arm_msgs/msg/Unknown" in checks["/odd"].note and checks["/own"].note == ""
    assert len(found.problems) == 2 and f"{STATES}: stamps go backwards 1 times" in found.problems


def test_stamps_of_several_publishers_may_interleave(tmp_path):
    publisher = "- {reliability: reliable, durability: volatile, history: unknown, depth: 0}\n"
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic(STATES, "sensor_msgs/msg/JointState", qos=publisher * 2)
        for tick, stamp in enumerate((10, 30, 20, 40)):
            writer.write(STATES, START_NS + tick * 10**9, joint_state(stamp))
    with open_bag(tmp_path / "bag") as opened:
        found = check(opened)
    assert (found.topics[0].backwards, found.problems) == (1, [])


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("nothing", None, "does not exist"),
        ("notes.txt", b"x", "is not a bag: its name ends neither in .mcap nor in .db3"),
        ("old.bag", b"#ROSBAG V2.0", "is a ROS 1 bag; convert it first"),
        ("text.mcap", b"not an mcap file", "is not an MCAP file"),
        ("text.db3", b"not a database but long enough to be read as one", "is not a readable sqlite3 bag"),
    ],
)
def test_what_is_no_bag_is_refused(tmp_path, name, content, reason):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(UserError, match=reason):
        open_bag(tmp_path / name)


def test_folder_without_or_with_mixed_files_is_refused(tmp_path, whole):
    with pytest.raises(UserError, match=r"is not a bag: there is no \.mcap and no \.db3 file in it"):
        open_bag(tmp_path)
    (tmp_path / "dataset" / "meta").mkdir(parents=True)
    (tmp_path / "dataset" / "meta" / "info.json").touch()
    with pytest.raises(UserError, match=r"is a LeRobot dataset, not a bag; so-arm dataset to-bag .*dataset -o DIR"):
        open_bag(tmp_path / "dataset")
    (tmp_path / "a.mcap").write_bytes(next(whole.glob("*.mcap")).read_bytes())
    (tmp_path / "b.mcap").write_bytes(b"no mcap at all")
    with open_bag(tmp_path) as opened:
        assert opened.message_count == 134 and any("b.mcap is not an MCAP" in text for text in opened.warnings)
    (tmp_path / "c.db3").write_bytes(b"")
    with pytest.raises(UserError, match="holds mcap and sqlite3 files"):
        open_bag(tmp_path)
