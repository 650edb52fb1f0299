"""kill -9 at 20 random moments of a recording: what was in closed chunks is always there."""

from __future__ import annotations

import mmap
import os
import random
import signal
import time

from rosbags.rosbag2 import Reader
from tests.data.bags.samples import IMAGES, START_NS, STATES, add_topics, image, joint_state

from so_arm.data.bags.reader import open_bag
from so_arm.data.bags.repair import repair
from so_arm.data.bags.writer import BagWriter

KILLS = 20
PATIENCE_S = 60.0


def _record(folder, closed: mmap.mmap, picture: bytes, state: bytes) -> None:
    """Write for ever; `closed` has the number of messages in closed chunks."""
    writer = BagWriter(folder, split_bytes=2_000_000, custom_data={"task": "pick_place"})
    add_topics(writer)
    number = 0
    while True:
        for _ in range(10):
            writer.write(STATES, START_NS + number, state)
            writer.write(IMAGES, START_NS + number, picture)
            number += 1
        writer.flush()
        closed[:8] = (2 * number).to_bytes(8, "little")


def test_closed_chunks_survive(tmp_path, capsys):
    chance = random.Random(4)
    picture, state = image(START_NS), joint_state(START_NS)
    kept, sure, torn = 0, 0, 0
    for kill in range(KILLS):
        folder = tmp_path / f"bag{kill}"
        closed = mmap.mmap(-1, 8)
        child = os.fork()
        if child == 0:
            try:
                _record(folder, closed, picture, state)
            finally:
                os._exit(1)  # whatever happens, this process is not to go on with the tests
        try:
            deadline = time.monotonic() + PATIENCE_S
            while closed[:8] == bytes(8):
                assert time.monotonic() < deadline
                time.sleep(0.001)
            time.sleep(chance.uniform(0.0, 0.1))  # the random moment
        finally:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        durable = int.from_bytes(closed[:8], "little")
        with open_bag(folder) as bag:
            messages = list(bag.messages())
            assert bag.custom_data == {"task": "pick_place"}
            torn += bool(bag.warnings)
        for topic, data in ((STATES, state), (IMAGES, picture)):
            times = [message.log_ns for message in messages if message.topic == topic]
            assert times == list(range(START_NS, START_NS + len(times)))
            assert all(message.data == data for message in messages if message.topic == topic)
        assert durable <= len(messages) <= durable + 20
        repair(folder)
        with Reader(folder) as reader:
            assert reader.message_count == sum(1 for _ in reader.messages()) == len(messages)
        kept, sure = kept + len(messages), sure + durable
    assert torn > 0  # else nobody was killed while writing
    with capsys.disabled():
        print(f"\n{KILLS} recorders killed, {torn} bags torn: {sure} messages were in closed chunks, {kept} are there")
