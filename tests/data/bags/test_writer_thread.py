from __future__ import annotations

import threading
import time

import pytest
from tests.data.bags.samples import START_NS, STATES, joint_state

from so_arm.core.errors import UserError
from so_arm.data.bags import writer_thread
from so_arm.data.bags.reader import open_bag
from so_arm.data.bags.writer import BagWriter
from so_arm.data.bags.writer_thread import WriterThread


def test_all_that_was_taken_is_written(tmp_path):
    errors: list[Exception] = []
    thread = WriterThread(BagWriter(tmp_path / "bag"), errors.append)
    thread.add_topic(STATES, "sensor_msgs/msg/JointState", "")
    for tick in range(500):
        thread.write(STATES, START_NS + tick, joint_state(tick))
    thread.close()
    thread.close()
    with open_bag(tmp_path / "bag") as bag:
        assert bag.message_count == thread.counts[STATES] == 500
    assert (thread.lost, errors) == (0, [])


class _StuckWriter(BagWriter):
    """Its disk is slow until `go` is set, and full when `full` is."""

    def __init__(self, *arguments) -> None:
        super().__init__(*arguments)
        self.go, self.full = threading.Event(), False

    def write(self, *message) -> None:
        assert self.go.wait(30)
        if self.full:
            raise UserError("no space left on the disk")
        super().write(*message)


def test_messages_that_the_disk_is_too_slow_for_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr(writer_thread, "MAX_WAITING_BYTES", 1000)
    writer = _StuckWriter(tmp_path / "bag")
    thread = WriterThread(writer, lambda error: None)
    thread.add_topic(STATES, "sensor_msgs/msg/JointState", "")
    for tick in range(10):
        thread.write(STATES, START_NS + tick, bytes(400))
    writer.go.set()
    thread.close()
    with open_bag(tmp_path / "bag") as bag:
        assert (bag.message_count, thread.counts[STATES], thread.lost) == (3, 3, 7)


def test_error_is_told_once_and_ends_the_writing(tmp_path):
    writer = _StuckWriter(tmp_path / "bag")
    errors: list[Exception] = []
    thread = WriterThread(writer, errors.append)
    thread.add_topic(STATES, "sensor_msgs/msg/JointState", "")
    writer.full = True
    writer.go.set()
    thread.write(STATES, START_NS, b"1")
    thread.close()
    thread.write(STATES, START_NS, b"2")
    assert [str(error) for error in errors] == ["no space left on the disk"] and thread.lost == 1
    with open_bag(tmp_path / "bag") as bag:
        assert bag.message_count == 0


@pytest.mark.parametrize("more", [False, True])
def test_small_messages_are_in_the_file_soon(tmp_path, monkeypatch, more):
    """Whether others follow them or not: they would not fill a chunk for long."""
    monkeypatch.setattr(writer_thread, "CHUNK_S", 0.05)
    thread = WriterThread(BagWriter(tmp_path / "bag"), lambda error: None)
    thread.add_topic(STATES, "sensor_msgs/msg/JointState", "")
    thread.write(STATES, START_NS, joint_state(1))
    deadline = time.monotonic() + 30
    while True:
        with open_bag(tmp_path / "bag") as bag:
            if bag.message_count:
                break
        assert time.monotonic() < deadline
        if more:
            thread.write(STATES, START_NS, joint_state(1))
        time.sleep(0.01)
    thread.close()
