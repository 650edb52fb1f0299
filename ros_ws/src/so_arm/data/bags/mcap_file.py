"""An .mcap file of a bag: by its index, or, where it has none because its recorder was killed, record by record."""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
import yaml
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.records import Channel, Chunk, ChunkIndex, Metadata, Schema
from mcap.stream_reader import get_chunk_data_stream
from zstandard import ZstdError

from so_arm.core.errors import UserError
from so_arm.data.bags import mcap_records as records
from so_arm.data.bags.log_order import BagMessage, Piece
from so_arm.data.bags.metadata import custom_data_of
from so_arm.data.bags.storage import Damaged, StoredTopic

_MESSAGE = struct.Struct("<HIQQ")  # channel, sequence, log and publish time [ns]
_FOOTER = struct.Struct("<QQI")
_FOOTER_BYTES = records.RECORD_HEAD.size + _FOOTER.size + len(records.MAGIC)


class McapFile:
    """Read only; see `storage.StoredFile`. whole_bytes: the end of the last whole record of a file without an end."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem = ""
        self.custom_data: dict[str, str] = {}
        self.whole_bytes = 0
        self.chunks: list[records.ChunkEntry] = []
        self.schemas: dict[int, Schema] = {}
        self.channels: dict[int, Channel] = {}
        self.metadata: list[tuple[int, int, str]] = []
        self._loose: list[tuple[int, int]] = []  # log time and offset of messages outside of chunks
        self.counts: Counter[int] = Counter()
        self._file = path.open("rb")
        self._size = path.stat().st_size
        try:
            self._read()
        except BaseException:
            self._file.close()
            raise
        times = [(chunk.start_ns, chunk.end_ns) for chunk in self.chunks if chunk.indexes or chunk.end_ns]
        times += [(log_ns, log_ns) for log_ns, _ in self._loose]
        self.start_ns = min((start for start, _ in times), default=0)
        self.end_ns = max((end for _, end in times), default=0)
        self.message_count = sum(self.counts.values())
        self.topics: Sequence[StoredTopic] = [self._topic(number, found) for number, found in self.channels.items()]

    def close(self) -> None:
        self._file.close()

    def pieces(self, topics: Collection[str] | None) -> list[Piece]:
        wanted = {number for number, found in self.channels.items() if topics is None or found.topic in topics}
        chunks = [chunk for chunk in self.chunks if not chunk.indexes or wanted & chunk.indexes.keys()]
        found = [Piece(chunk.start_ns, partial(self._chunk_messages, chunk, wanted)) for chunk in chunks]
        loose = sorted(self._loose)
        return found + ([Piece(loose[0][0], partial(self._loose_messages, loose, wanted))] if loose else [])

    def places(self, chunk: records.ChunkEntry) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Channel, log time [ns] and offset in the chunk of each message in it."""
        data = self._chunk_data(chunk)
        found = [
            (*_MESSAGE.unpack_from(data, start)[0:3:2], start - records.RECORD_HEAD.size)
            for opcode, start, _ in _inner_records(data)
            if opcode == records.MESSAGE
        ]
        channels, times, offsets = np.array(found, np.uint64).T
        return channels.astype(np.uint16), times, offsets

    def _read(self) -> None:
        start = self._bytes(0, len(records.MAGIC))
        if start != records.MAGIC[: self._size]:
            raise UserError(f"{self.path} is not an MCAP file")
        if not self._read_summary():
            self._scan()

    def _read_summary(self) -> bool:
        """Take what the end of the file says; False when it has no end, or one that does not tell where chunks are."""
        end = self._bytes(max(self._size - _FOOTER_BYTES, 0), _FOOTER_BYTES)
        if len(end) < _FOOTER_BYTES or not end.endswith(records.MAGIC) or end[0] != records.FOOTER:
            return False
        start = _FOOTER.unpack_from(end, records.RECORD_HEAD.size)[0]
        if not start or start > self._size:
            return False
        stored: dict[int, int] | None = None
        for opcode, offset, length in self._records(start, self._size - _FOOTER_BYTES):
            if opcode == records.CHUNK_INDEX:
                self.chunks.append(_chunk_entry(ChunkIndex.read(self._stream(offset, length))))
            elif opcode == records.STATISTICS:
                stored = _stored_counts(self._bytes(offset, length))
            elif opcode == records.METADATA_INDEX:
                at, size = struct.unpack("<QQ", self._bytes(offset, 16))
                self._note_metadata(at, size)
            else:
                self._note(opcode, offset, length)
        if self.chunks and self.channels:
            self.counts.update(stored if stored is not None else self._counted())
            return True
        return stored is not None and sum(stored.values()) == 0

    def _counted(self) -> Counter[int]:
        """Messages per channel from the chunks' own indexes: some writers leave the statistics out."""
        counts: Counter[int] = Counter()
        for chunk in self.chunks:
            for number, offset in chunk.indexes.items():
                entries = struct.unpack("<I", self._bytes(offset + records.RECORD_HEAD.size + 2, 4))[0]
                counts[number] += entries // 16
        return counts

    def _scan(self) -> None:
        """Find everything by going through the file; remember where it stops being whole."""
        self.chunks, self.metadata, self.counts = [], [], Counter()
        self.whole_bytes = min(len(records.MAGIC), self._size)
        for opcode, offset, length in self._records(len(records.MAGIC), self._size):
            if opcode == records.DATA_END:
                if self._bytes(self._size - len(records.MAGIC), len(records.MAGIC)) != records.MAGIC:
                    self.problem = "its index is not whole; no message is lost"
                return
            if opcode == records.CHUNK:
                self._note_chunk(offset, length)
            elif opcode == records.MESSAGE:
                number, _, log_ns, _ = _MESSAGE.unpack(self._bytes(offset, _MESSAGE.size))
                self._loose.append((log_ns, offset))
                self.counts[number] += 1
            elif opcode == records.METADATA:
                self._note_metadata(offset - records.RECORD_HEAD.size, records.RECORD_HEAD.size + length)
            else:
                self._note(opcode, offset, length)
            self.whole_bytes = offset + length
        lost = self._size - self.whole_bytes
        self.problem = "it has no end: its recorder was killed, or is still running" + (
            f"; its last {lost} bytes, an unfinished chunk, are lost" if lost else ""
        )

    def _note_chunk(self, offset: int, length: int) -> None:
        """Enter a chunk that no index tells of, and the channels in it."""
        start_ns, end_ns, size, _, name_length = records.CHUNK_HEAD.unpack(self._bytes(offset, records.CHUNK_HEAD.size))
        name = self._bytes(offset + records.CHUNK_HEAD.size, name_length).decode("ascii", "replace")
        at = offset - records.RECORD_HEAD.size
        whole = length + records.RECORD_HEAD.size
        packed = length - records.CHUNK_HEAD.size - name_length - 8
        entry = records.ChunkEntry(start_ns, end_ns, at, whole, size, {}, 0, name, packed)
        counts: Counter[int] = Counter()
        try:
            data = self._chunk_data(entry)
        except Damaged:
            self.chunks.append(entry)  # whoever reads the messages is told
            return
        for opcode, start, end in _inner_records(data):
            if opcode == records.MESSAGE:
                counts[_MESSAGE.unpack_from(data, start)[0]] += 1
            elif opcode in (records.SCHEMA, records.CHANNEL):
                self._note_description(opcode, ReadDataStream(BytesIO(data[start:end])))
        self.counts.update(counts)
        self.chunks.append(
            records.ChunkEntry(start_ns, end_ns, at, whole, size, dict.fromkeys(counts, 0), 0, name, packed)
        )

    def _note(self, opcode: int, offset: int, length: int) -> None:
        if opcode in (records.SCHEMA, records.CHANNEL):
            self._note_description(opcode, self._stream(offset, length))
        elif opcode == records.MESSAGE_INDEX and self.chunks:
            head, last = records.RECORD_HEAD.size, self.chunks[-1]
            last.indexes[struct.unpack("<H", self._bytes(offset, 2))[0]] = offset - head
            self.chunks[-1] = replace(last, indexes_length=last.indexes_length + length + head)

    def _note_description(self, opcode: int, stream: ReadDataStream) -> None:
        if opcode == records.SCHEMA:
            schema = Schema.read(stream)
            self.schemas[schema.id] = schema
        else:
            channel = Channel.read(stream)
            self.channels[channel.id] = channel

    def _note_metadata(self, offset: int, size: int) -> None:
        head = records.RECORD_HEAD.size
        found = Metadata.read(self._stream(offset + head, size - head))
        self.metadata.append((offset, size, found.name))
        try:
            description = yaml.safe_load(found.metadata.get("serialized_metadata", ""))
        except yaml.YAMLError:
            return
        if isinstance(description, dict):
            self.custom_data.update(custom_data_of(description))

    def _topic(self, number: int, channel: Channel) -> StoredTopic:
        schema = self.schemas.get(channel.schema_id)
        return StoredTopic(
            channel.topic,
            schema.name if schema else "",
            self.counts[number],
            channel.metadata.get("offered_qos_profiles", ""),
            schema.data.decode("utf-8", "replace") if schema else "",
            schema.encoding if schema else "",
            channel.metadata.get("topic_type_hash", ""),
            channel.message_encoding,
        )

    def _chunk_messages(self, entry: records.ChunkEntry, wanted: Collection[int]) -> Iterator[BagMessage]:
        data = self._chunk_data(entry)
        found = []
        for opcode, start, end in _inner_records(data):
            if opcode == records.MESSAGE:
                number, _, log_ns, _ = _MESSAGE.unpack_from(data, start)
                if number in wanted:
                    found.append((log_ns, number, start + _MESSAGE.size, end))
        found.sort(key=lambda message: message[0])
        for log_ns, number, start, end in found:
            yield BagMessage(self.channels[number].topic, log_ns, data[start:end])

    def _loose_messages(self, places: list[tuple[int, int]], wanted: Collection[int]) -> Iterator[BagMessage]:
        head = records.RECORD_HEAD.size
        for log_ns, offset in places:
            length = records.RECORD_HEAD.unpack(self._bytes(offset - head, head))[1]
            data = self._bytes(offset, length)
            number = _MESSAGE.unpack_from(data)[0]
            if number in wanted:
                yield BagMessage(self.channels[number].topic, log_ns, data[_MESSAGE.size :])

    def _chunk_data(self, entry: records.ChunkEntry) -> bytes:
        """The messages of a chunk, uncompressed; Damaged when they are not those that were written."""
        head = records.RECORD_HEAD.size
        try:
            stored = Chunk.read(self._stream(entry.offset + head, entry.length - head))
            stream, size = get_chunk_data_stream(stored, validate_crc=True)
            return stream.read(size)
        except (McapError, ZstdError, ValueError, RuntimeError, struct.error, OSError) as error:  # lz4: RuntimeError
            raise Damaged(f"the chunk at byte {entry.offset} is damaged ({error})") from error

    def _records(self, start: int, end: int) -> Iterator[tuple[int, int, int]]:
        """Opcode, offset of the content and its length, of each whole record."""
        head = records.RECORD_HEAD
        while start + head.size <= end:
            opcode, length = head.unpack(self._bytes(start, head.size))
            if opcode == 0 or start + head.size + length > end:
                return
            yield opcode, start + head.size, length
            start += head.size + length

    def _stream(self, offset: int, length: int) -> ReadDataStream:
        return ReadDataStream(BytesIO(self._bytes(offset, length)))

    def _bytes(self, offset: int, length: int) -> bytes:
        self._file.seek(offset)
        return self._file.read(length)


def _inner_records(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Opcode, start and end of the content of each record in a chunk."""
    head, place = records.RECORD_HEAD, 0
    while place + head.size <= len(data):
        opcode, length = head.unpack_from(data, place)
        place += head.size + length
        yield opcode, place - length, place


def _chunk_entry(index: ChunkIndex) -> records.ChunkEntry:
    return records.ChunkEntry(
        index.message_start_time,
        index.message_end_time,
        index.chunk_start_offset,
        index.chunk_length,
        index.uncompressed_size,
        index.message_index_offsets,
        index.message_index_length,
        index.compression,
        index.compressed_size,
    )


def _stored_counts(statistics: bytes) -> dict[int, int]:
    """Messages per channel, from a statistics record."""
    length = struct.unpack_from("<I", statistics, 42)[0]
    return dict(struct.iter_unpack("<HQ", statistics[46 : 46 + length]))
