"""What we write is what rosbag2, rosbags and the mcap package expect."""

from __future__ import annotations

import resource

import pytest
import yaml
from mcap.reader import make_reader
from mcap.stream_reader import StreamReader
from rosbags.highlevel import AnyReader
from rosbags.interfaces import QosDurability
from rosbags.rosbag2 import Reader
from tests.data.bags.samples import IMAGES, INFO, START_NS, STATES, add_topics, image, joint_state, make_bag

from so_arm.core.errors import UserError
from so_arm.data.bags import qos
from so_arm.data.bags.definitions import definition_of, hash_of
from so_arm.data.bags.reader import open_bag
from so_arm.data.bags.writer import BagWriter


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    return make_bag(tmp_path_factory.mktemp("bags") / "drive")


def test_rosbags_reads_and_decodes_every_message(bag):
    with AnyReader([bag]) as reader:
        assert {found.topic: found.msgcount for found in reader.connections} == {STATES: 100, IMAGES: 34, INFO: 0}
        found = [(c.topic, time, reader.deserialize(data, c.msgtype)) for c, time, data in reader.messages()]
    assert [time for _, time, _ in found] == sorted(time for _, time, _ in found)
    states = [message for topic, _, message in found if topic == STATES]
    assert [message.position[0] for message in states] == list(range(100))
    assert all(len(message.data) == 30000 for topic, _, message in found if topic == IMAGES)


def test_quality_of_service_and_type_hash_are_kept(bag):
    with Reader(bag) as reader:
        latched = next(found for found in reader.connections if found.topic == INFO)
        assert latched.ext.offered_qos_profiles[0].durability is QosDurability.TRANSIENT_LOCAL
        assert latched.digest == hash_of("diagnostic_msgs/msg/DiagnosticStatus")
        assert latched.digest.startswith("RIHS01_")


def test_mcap_package_finds_profile_definitions_index_and_checksums(bag):
    (file,) = bag.glob("*.mcap")
    with file.open("rb") as stream:
        assert len(list(StreamReader(stream, validate_crcs=True).records)) > 134
    with file.open("rb") as stream:
        reader = make_reader(stream, validate_crcs=True)
        summary = reader.get_summary()
        assert reader.get_header().profile == "ros2"
        assert summary.statistics.message_count == 134
        assert summary.statistics.channel_message_counts == {1: 100, 2: 34, 3: 0}
        assert (summary.statistics.message_start_time, summary.statistics.message_end_time) == (
            START_NS,
            START_NS + 990_000_000,
        )
        schema = next(found for found in summary.schemas.values() if found.name == "sensor_msgs/msg/Image")
        assert schema.encoding == "ros2msg"
        assert b"MSG: std_msgs/Header" in schema.data and b"MSG: builtin_interfaces/Time" in schema.data
        assert len(list(reader.iter_messages([STATES]))) == 100
        inner = [
            record.metadata["serialized_metadata"] for record in reader.iter_metadata() if record.name == "rosbag2"
        ]
    assert yaml.safe_load(inner[-1])["message_count"] == 134


def test_metadata_is_laid_out_as_rosbag2_of_jazzy_does_it(bag):
    """The fields, in the order and of the kinds that its YAML conversion reads: all are required in version 9."""
    data = yaml.safe_load((bag / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert list(data) == [
        "version",
        "storage_identifier",
        "duration",
        "starting_time",
        "message_count",
        "topics_with_message_count",
        "compression_format",
        "compression_mode",
        "relative_file_paths",
        "files",
        "custom_data",
        "ros_distro",
    ]
    assert data["version"] == 9 and data["storage_identifier"] == "mcap" and data["ros_distro"] == "jazzy"
    assert data["duration"] == {"nanoseconds": 990_000_000}
    assert data["starting_time"] == {"nanoseconds_since_epoch": START_NS}
    assert data["custom_data"] == {"task": "pick_place"}
    assert data["relative_file_paths"] == [file["path"] for file in data["files"]] == ["drive_0.mcap"]
    topic = data["topics_with_message_count"][0]
    assert topic["message_count"] == 100
    assert list(topic["topic_metadata"]) == [
        "name",
        "type",
        "serialization_format",
        "offered_qos_profiles",
        "type_description_hash",
    ]
    assert topic["topic_metadata"]["offered_qos_profiles"] == [
        {
            "history": "keep_last",
            "depth": 10,
            "reliability": "reliable",
            "durability": "volatile",
            "deadline": {"sec": 9223372036, "nsec": 854775807},
            "lifespan": {"sec": 9223372036, "nsec": 854775807},
            "liveliness": "automatic",
            "liveliness_lease_duration": {"sec": 9223372036, "nsec": 854775807},
            "avoid_ros_namespace_conventions": False,
        }
    ]


@pytest.mark.parametrize(("settings", "least"), [({"split_bytes": 200_000}, 3), ({"split_s": 0.25}, 4)])
def test_split_files_hold_everything_once(tmp_path, settings, least):
    folder = make_bag(tmp_path / "bag", **settings)
    files = sorted(folder.glob("*.mcap"))
    assert len(files) >= least
    with Reader(folder) as reader:
        assert sum(1 for _ in reader.messages()) == reader.message_count == 134
    with open_bag(folder) as bag:
        assert not bag.warnings and bag.message_count == 134
        if "split_s" in settings:
            assert all(file.end_ns - file.start_ns < 250_000_000 for file in bag.files)


def test_topic_that_comes_late_and_messages_out_of_order(tmp_path):
    with BagWriter(tmp_path / "bag") as writer:
        writer.add_topic(STATES, "sensor_msgs/msg/JointState")
        for tick in (5, 3, 4):
            writer.write(STATES, START_NS + tick, joint_state(tick))
        writer.flush()
        add_topics(writer)
        writer.write(IMAGES, START_NS + 1, memoryview(bytearray(image(1))))
        with pytest.raises(UserError, match="unknown topic of the bag '/other'"):
            writer.write("/other", 0, b"")
    with open_bag(tmp_path / "bag") as bag:
        assert [message.log_ns - START_NS for message in bag.messages()] == [1, 3, 4, 5]


def test_bag_without_messages_is_a_bag(tmp_path):
    with BagWriter(tmp_path / "bag") as writer:
        add_topics(writer)
    with Reader(tmp_path / "bag") as reader:
        assert reader.message_count == 0 and len(reader.connections) == 3
    with open_bag(tmp_path / "bag") as bag:
        assert (bag.message_count, list(bag.messages()), bag.warnings) == (0, [], [])


def test_type_that_is_only_installed_has_its_definition_from_there(tmp_path, monkeypatch):
    messages = tmp_path / "share" / "arm_msgs" / "msg"
    messages.mkdir(parents=True)
    (messages / "Grip.msg").write_text("std_msgs/Header header\nForce[] forces  # one per finger\nint8 OPEN=1\n")
    (messages / "Force.msg").write_text("float64 newton\n")
    std = tmp_path / "share" / "std_msgs" / "msg"
    std.mkdir(parents=True)
    (std / "Header.msg").write_text("string frame_id\n")
    monkeypatch.setenv("AMENT_PREFIX_PATH", str(tmp_path))
    definition = definition_of("arm_msgs/msg/Grip")
    assert definition.startswith("std_msgs/Header header")
    assert "MSG: arm_msgs/Force\nfloat64 newton" in definition and "MSG: std_msgs/Header" in definition
    assert definition_of("arm_msgs/msg/Other") == "" == hash_of("arm_msgs/msg/Other")


def test_quality_of_service_in_numbers_is_read_as_words():
    text = (
        "- history: 1\n  depth: 4\n  reliability: 2\n  durability: 1\n  lifespan: {sec: 2147483647, nsec: 4294967295}"
    )
    (found,) = qos.parse(text)
    assert (found["history"], found["reliability"], found["durability"]) == (
        "keep_last",
        "best_effort",
        "transient_local",
    )
    assert found["depth"] == 4 and found["lifespan"] == {"sec": 2147483647, "nsec": 4294967295}
    assert found["deadline"] == {"sec": 9223372036, "nsec": 854775807}
    assert qos.parse(qos.dump([found])) == [found]
    assert qos.parse("") == qos.parse("{broken") == qos.parse("7") == []


def test_folder_that_holds_something_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(UserError, match="already holds files; choose a new or an empty folder"):
        BagWriter(tmp_path)
    with pytest.raises(UserError, match="a file, not a folder"):
        BagWriter(tmp_path / "notes.txt")


@pytest.fixture
def small_files():
    """Files of this process may grow to a megabyte, as if the disk were full then."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_what_was_written_before_the_disk_was_full_stays_readable(tmp_path, small_files):
    def record() -> None:
        with BagWriter(tmp_path / "bag") as writer:
            add_topics(writer)
            for tick in range(1000):
                writer.write(IMAGES, START_NS + tick, image(tick))
                writer.write(STATES, START_NS + tick, joint_state(tick))
                if tick % 10 == 9:
                    writer.flush()

    with pytest.raises(UserError, match=r"cannot write .*bag_0\.mcap: the file system allows no larger files"):
        record()
    with open_bag(tmp_path / "bag") as bag:
        assert bag.message_count == len(list(bag.messages())) > 40
        assert bag.warnings == []
    with Reader(tmp_path / "bag") as reader:
        assert reader.message_count == bag.message_count
