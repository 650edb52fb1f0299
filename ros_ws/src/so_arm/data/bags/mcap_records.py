"""Records of an MCAP file as bytes: one function per kind of record that a bag of ours holds.

The format is public (little-endian; each record is an opcode, a length and its content). Files are read with the mcap
package; written with these, because a whole chunk of small messages is then packed by NumPy at once.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

MAGIC = b"\x89MCAP0\r\n"
HEADER, FOOTER, SCHEMA, CHANNEL, MESSAGE, CHUNK, MESSAGE_INDEX, CHUNK_INDEX = range(1, 9)
ATTACHMENT, _, STATISTICS, METADATA, METADATA_INDEX, SUMMARY_OFFSET, DATA_END = range(9, 16)
#: Opcode and length before the content of a record.
RECORD_HEAD = struct.Struct("<BQ")
#: Of a chunk: first and last log time, size, CRC (0: none), length of the compression's name.
CHUNK_HEAD = struct.Struct("<QQQII")
#: All of a message record but its data.
MESSAGE_HEAD = np.dtype(
    [("opcode", "u1"), ("length", "<u8"), ("channel", "<u2"), ("sequence", "<u4"), ("log", "<u8"), ("publish", "<u8")]
)
_MESSAGE_FIXED = MESSAGE_HEAD.itemsize - RECORD_HEAD.size


@dataclass(frozen=True)
class ChunkEntry:
    """What the index at the end of a file says about one chunk; offsets in bytes from the start of the file."""

    start_ns: int
    end_ns: int
    offset: int
    length: int  # of the whole chunk record
    size: int  # of the messages in it, uncompressed
    indexes: dict[int, int]  # channel -> offset of its message index
    indexes_length: int
    compression: str = ""
    compressed_size: int = 0


@dataclass
class Contents:
    """What the end of a file tells about the whole of it."""

    schemas: list[bytes] = field(default_factory=list)
    channels: list[bytes] = field(default_factory=list)
    chunks: list[ChunkEntry] = field(default_factory=list)
    counts: dict[int, int] = field(default_factory=dict)  # messages per channel
    metadata: list[tuple[int, int, str]] = field(default_factory=list)  # offset, length, name


def record(opcode: int, content: bytes) -> bytes:
    return RECORD_HEAD.pack(opcode, len(content)) + content


def text(value: str | bytes) -> bytes:
    data = value.encode() if isinstance(value, str) else value
    return struct.pack("<I", len(data)) + data


def mapping(values: Mapping[str, str]) -> bytes:
    return text(b"".join(text(key) + text(value) for key, value in values.items()))


def header(library: str) -> bytes:
    return MAGIC + record(HEADER, text("ros2") + text(library))


def schema(number: int, name: str, encoding: str, definition: str | bytes) -> bytes:
    return record(SCHEMA, struct.pack("<H", number) + text(name) + text(encoding) + text(definition))


def channel(number: int, schema_number: int, topic: str, metadata: Mapping[str, str], encoding: str = "cdr") -> bytes:
    head = struct.pack("<HH", number, schema_number)
    return record(CHANNEL, head + text(topic) + text(encoding) + mapping(metadata))


def metadata_record(name: str, values: Mapping[str, str]) -> bytes:
    return record(METADATA, text(name) + mapping(values))


def message_heads(channels: np.ndarray, times_ns: np.ndarray, sizes: np.ndarray) -> list[bytes]:
    """What comes before the data of each message."""
    heads = np.empty(len(channels), MESSAGE_HEAD)
    heads["opcode"], heads["length"] = MESSAGE, sizes + _MESSAGE_FIXED
    heads["channel"], heads["sequence"] = channels, 0
    heads["log"] = heads["publish"] = times_ns
    return heads.view(f"V{MESSAGE_HEAD.itemsize}").tolist()


def chunk_head(start_ns: int, end_ns: int, size: int, crc: int) -> bytes:
    """What comes before the messages of an uncompressed chunk."""
    head = CHUNK_HEAD.pack(start_ns, end_ns, size, crc, 0) + struct.pack("<Q", size)
    return RECORD_HEAD.pack(CHUNK, len(head) + size) + head


def message_indexes(
    channels: np.ndarray, times_ns: np.ndarray, offsets: np.ndarray, at: int
) -> tuple[dict[int, int], bytes]:
    """Where each channel's messages are in a chunk; and where that stands, per channel, when it is written at `at`."""
    indexes, parts = {}, []
    for number in np.unique(channels).tolist():
        own = channels == number
        entries = np.stack([times_ns[own], offsets[own].astype(np.uint64)], axis=1).astype("<u8").tobytes()
        parts.append(record(MESSAGE_INDEX, struct.pack("<H", number) + text(entries)))
        indexes[number] = at
        at += len(parts[-1])
    return indexes, b"".join(parts)


def chunk_index(entry: ChunkEntry) -> bytes:
    offsets = b"".join(struct.pack("<HQ", number, offset) for number, offset in entry.indexes.items())
    content = struct.pack("<QQQQ", entry.start_ns, entry.end_ns, entry.offset, entry.length)
    content += text(offsets) + struct.pack("<Q", entry.indexes_length) + text(entry.compression)
    return record(CHUNK_INDEX, content + struct.pack("<QQ", entry.compressed_size or entry.size, entry.size))


def statistics(contents: Contents) -> bytes:
    counts = b"".join(struct.pack("<HQ", number, count) for number, count in contents.counts.items())
    times = [(entry.start_ns, entry.end_ns) for entry in contents.chunks] or [(0, 0)]
    content = struct.pack("<QHI", sum(contents.counts.values()), len(contents.schemas), len(contents.channels))
    content += struct.pack("<III", 0, len(contents.metadata), len(contents.chunks))
    content += struct.pack("<QQ", min(start for start, _ in times), max(end for _, end in times))
    return record(STATISTICS, content + text(counts))


def ending(contents: Contents, offset: int) -> bytes:
    """From the end of the data, which is at `offset`, to the end of the file: index, statistics, footer."""
    data_end = record(DATA_END, struct.pack("<I", 0))
    start = offset + len(data_end)
    groups: Sequence[tuple[int, list[bytes]]] = (
        (SCHEMA, contents.schemas),
        (CHANNEL, contents.channels),
        (STATISTICS, [statistics(contents)]),
        (CHUNK_INDEX, [chunk_index(entry) for entry in contents.chunks]),
        (METADATA_INDEX, [_metadata_index(*entry) for entry in contents.metadata]),
    )
    summary, pointers = b"", b""
    for opcode, records in groups:
        group = b"".join(records)
        if group:
            pointers += record(SUMMARY_OFFSET, struct.pack("<BQQ", opcode, start + len(summary), len(group)))
        summary += group
    footer = record(FOOTER, struct.pack("<QQI", start, start + len(summary), 0))
    return data_end + summary + pointers + footer + MAGIC


def _metadata_index(offset: int, length: int, name: str) -> bytes:
    return record(METADATA_INDEX, struct.pack("<QQ", offset, length) + text(name))
