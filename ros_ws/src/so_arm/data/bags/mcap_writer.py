"""One MCAP file of a bag, written chunk by chunk, so that whatever happens all chunks but the open one are on disk."""

from __future__ import annotations

import errno
import fcntl
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from so_arm.core.errors import UserError
from so_arm.core.files import creating, writing
from so_arm.data.bags import mcap_records as records

LIBRARY = "so_arm"
_PARTS_AT_ONCE = 512  # buffers per system call; the system takes 1024
_RECORD = "rosbag2"

#: Messages one after the other: channel, log time [ns], size, data, channel, ... One flat list, because a tuple for
#: each would cost as much time as all the rest.
Entries = list[Any]


class McapWriter:
    """Writes `path`, which must be new. Schemas and channels go straight to the file, messages in chunks.

    The file is locked while it is being written, so that nobody repairs it meanwhile. Every method may raise UserError
    when the disk is full; the file then ends with its last whole chunk.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self.contents = records.Contents()
        self._schemas: dict[str, int] = {}
        with creating(path):
            self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._put([records.header(LIBRARY)])

    def add_channel(self, topic: str, kind: str, definition: str, metadata: Mapping[str, str]) -> int:
        """The number of the new channel."""
        if kind not in self._schemas:
            number = self._schemas[kind] = len(self._schemas) + 1
            self.contents.schemas.append(records.schema(number, kind, "ros2msg" if definition else "", definition))
            self._put(self.contents.schemas[-1:])
        number = len(self.contents.channels) + 1
        self.contents.channels.append(records.channel(number, self._schemas[kind], topic, metadata))
        self._put(self.contents.channels[-1:])
        self.contents.counts[number] = 0
        return number

    def write_chunk(self, entries: Entries, checksum: bool) -> None:
        """Write the messages `entries`, at least one, as a chunk with its index.

        checksum: for small messages, which are copied together. That of images would cost more than writing them.
        """
        data: list[bytes] = entries[3::4]
        channels = np.fromiter(entries[0::4], np.uint16, len(data))
        times = np.fromiter(entries[1::4], np.uint64, len(data))
        sizes = np.fromiter(entries[2::4], np.int64, len(data))
        ends = np.cumsum(sizes + records.MESSAGE_HEAD.itemsize)
        size, start_ns, end_ns = int(ends[-1]), int(times.min()), int(times.max())
        parts: list[bytes] = [b""] * (2 * len(data))
        parts[0::2], parts[1::2] = records.message_heads(channels, times, sizes), data
        if checksum:
            parts = [b"".join(parts)]
        head = records.chunk_head(start_ns, end_ns, size, zlib.crc32(parts[0]) if checksum else 0)
        offset, length = self.size, len(head) + size
        starts = ends - sizes - records.MESSAGE_HEAD.itemsize
        indexes, index = records.message_indexes(channels, times, starts, offset + length)
        self._put([head, *parts, index])
        self.contents.chunks.append(records.ChunkEntry(start_ns, end_ns, offset, length, size, indexes, len(index)))
        for number, count in enumerate(np.bincount(channels).tolist()):
            if count:
                self.contents.counts[number] += count

    def add_metadata(self, text: str) -> None:
        """Add rosbag2's own record: the description of the file as YAML."""
        data = records.metadata_record(_RECORD, {"serialized_metadata": text})
        self.contents.metadata.append((self.size, len(data), _RECORD))
        self._put([data])

    def close(self) -> None:
        """Write the index at the end, and have it all on the disk."""
        try:
            self._put([records.ending(self.contents, self.size)])
            with writing(self.path):
                os.fsync(self._file)
        finally:
            os.close(self._file)

    def _put(self, parts: Sequence[bytes]) -> None:
        """Append `parts`, whole or not at all."""
        end = self.size + sum(map(len, parts))
        try:
            with writing(self.path):
                for first in range(0, len(parts), _PARTS_AT_ONCE):
                    self._put_some(parts[first : first + _PARTS_AT_ONCE])
        except BaseException:
            os.ftruncate(self._file, self.size)
            os.lseek(self._file, self.size, os.SEEK_SET)
            raise
        self.size = end

    def _put_some(self, parts: Sequence[bytes]) -> None:
        left = sum(map(len, parts))
        written = os.writev(self._file, parts)
        if written == left:
            return
        rest = memoryview(b"".join(parts))[written:]  # the disk is full, or nearly
        while rest:
            count = os.write(self._file, rest)
            if count == 0:
                raise OSError(errno.ENOSPC, "no space left")
            rest = rest[count:]


def refuse_open_by_another(path: Path) -> None:
    """UserError when `path` is being written by a `McapWriter`."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UserError(f"{path} is being written; stop its recorder first") from error
