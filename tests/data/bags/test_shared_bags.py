"""Every recorded bag that lies beside the checkout is opened, read to the last message and checked."""

from __future__ import annotations

import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor

import pytest
from rosbags.rosbag2 import Reader
from tests.shared_files import SHARED

from so_arm.data.bags.checks import check
from so_arm.data.bags.reader import open_bag
from so_arm.data.bags.repair import repair

BAGS = SHARED / "data" / "bags"
SERVICES = {
    "/test_service1/_service_event": 4,
    "/test_service2/_service_event": 4,
    "/test_topic1": 1,
    "/test_topic2": 1,
}
WBAG = {"AAA": 804, "BBB": 742, "CCC": 742, "DDD": 753, "EEE": 804, "FFF": 772, "GGG": 731, "HHH": 726}
#: Storage, files, topics with messages, words of the warnings.
EXPECTED = {
    "allmsgs_mcap": ("mcap", 1, None, ()),
    "rosbag2_reindex_nometadata_mcap": ("mcap", 3, {"/chatter": 1324 + 1324 + 529}, ("no metadata.yaml",)),
    "rosbag2_talker_sqlite3": ("sqlite3", 1, {"/rosout": 10, "/topic": 10}, ()),
    "rosbag2_topics_services_mcap": ("mcap", 1, SERVICES, ()),
    "rosbag2_wbag_split_mcap": ("mcap", 5, WBAG, ()),
}
pytestmark = pytest.mark.skipif(not BAGS.is_dir(), reason="the recorded bags are not beside the checkout")


def test_none_is_left_out():
    assert sorted(path.name for path in BAGS.iterdir()) == sorted(EXPECTED)


@pytest.mark.parametrize("name", EXPECTED)
def test_opens_and_is_read_to_the_last_message(name):
    storage, files, counts, words = EXPECTED[name]
    with open_bag(BAGS / name) as bag:
        assert (bag.storage, len(bag.files)) == (storage, files)
        found = check(bag)
        messages = list(bag.messages())
        assert [message.log_ns for message in messages] == sorted(message.log_ns for message in messages)
        assert len(messages) == bag.message_count == sum(topic.count for topic in found.topics)
        assert {topic.name: topic.count for topic in found.topics if topic.count} == (
            counts or dict.fromkeys(bag.topics, 2)
        )
        assert len(bag.warnings) == len(words) and all(word in bag.warnings[0] for word in words)
        assert found.problems == bag.warnings
        assert [topic.name for topic in found.topics if topic.note] == [
            topic for topic in bag.topics if bag.topics[topic].type == "test_msgs/srv/BasicTypes_Event"
        ]


def test_94_types_without_a_statistics_record():
    with open_bag(BAGS / "allmsgs_mcap") as bag:
        assert (bag.message_count, len(bag.topics)) == (188, 94)


def test_single_files():
    with open_bag(BAGS / "rosbag2_reindex_nometadata_mcap" / "multiple_files_2.mcap") as bag:
        assert bag.message_count == len(list(bag.messages(["/chatter"]))) == 529
    assert [path.name for path in sorted((BAGS / "rosbag2_talker_sqlite3").iterdir())] == [
        "metadata.yaml",
        "talker.db3",
    ]
    # In another thread than it is opened in, as the player reads it.
    with open_bag(BAGS / "rosbag2_talker_sqlite3" / "talker.db3") as bag, ThreadPoolExecutor(1) as elsewhere:
        assert elsewhere.submit(lambda: len(list(bag.messages(["/topic"])))).result() == 10


def test_sqlite_bag_without_messages_and_of_an_old_version(tmp_path):
    shutil.copytree(BAGS / "rosbag2_talker_sqlite3", tmp_path / "bag")
    (tmp_path / "bag" / "metadata.yaml").unlink()
    with sqlite3.connect(tmp_path / "bag" / "talker.db3") as database:
        database.execute("DELETE FROM messages")
        database.execute("DROP TABLE message_definitions")
        database.execute("ALTER TABLE topics DROP COLUMN type_description_hash")
    database.close()
    with open_bag(tmp_path / "bag") as bag:
        assert (bag.message_count, bag.start_ns, list(bag.messages()), len(bag.topics)) == (0, 0, [], 3)


def test_metadata_of_recordings_that_lack_it_is_written(tmp_path):
    for name, messages in (("rosbag2_talker_sqlite3", 20), ("rosbag2_reindex_nometadata_mcap", 3177)):
        shutil.copytree(BAGS / name, tmp_path / name)
        (tmp_path / name / "metadata.yaml").unlink(missing_ok=True)
        files = len(list((tmp_path / name).iterdir()))
        assert repair(tmp_path / name) == [f"metadata.yaml written: {messages} messages in {files} files"]
        with open_bag(tmp_path / name) as bag:
            assert bag.warnings == []
        with Reader(tmp_path / name) as reader:
            assert reader.message_count == messages == sum(1 for _ in reader.messages())
