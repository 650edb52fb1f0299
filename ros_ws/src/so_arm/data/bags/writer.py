"""A bag folder as rosbag2 writes it: MCAP files, split by size or time, and metadata.yaml."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Self

from so_arm.core.errors import UserError, choice_error
from so_arm.core.files import creating
from so_arm.data.bags import metadata, qos
from so_arm.data.bags.definitions import definition_of, hash_of
from so_arm.data.bags.mcap_writer import Entries, McapWriter

#: What a killed recorder loses at most is what is in open chunks; they are closed at this size or age.
CHUNK_BYTES = 4 * 2**20
CHUNK_S = 1.0
#: Images and the like have chunks of their own, so that the rest is read without reading through them.
LARGE_BYTES = 16384
_LOOK_BYTES = 16384  # data after which the writer looks at the clock
_NEVER_NS = 2**63 - 1


@dataclass(frozen=True)
class _Topic:
    name: str
    type: str
    qos: str
    definition: str
    type_hash: str


class BagWriter:
    """Writes a new bag into `folder`; a context manager.

    split_bytes, split_s: a new file is begun when the current one is as large or as long (0: never). custom_data: free
    text by key, kept in metadata.yaml and in each file. Images and all else are stored as they are, uncompressed:
    nothing that a recorder on a small computer has time for makes raw camera noise much smaller.

    UserError: `folder` holds something, cannot be written, or the disk is full. What was written stays readable.
    """

    def __init__(
        self,
        folder: Path,
        split_bytes: int = 0,
        split_s: float = 0.0,
        custom_data: Mapping[str, str] | None = None,
    ) -> None:
        self.folder = folder
        self._split_bytes = split_bytes
        self._split_ns = round(split_s * 1e9)
        self._custom_data = dict(custom_data or {})
        self._topics: list[_Topic] = []
        self._numbers: dict[str, int] = {}
        self._counts: Counter[str] = Counter()
        self._parts: list[metadata.FileSummary] = []
        self._closed_bytes = 0
        self._small: Entries = []
        self._large: Entries = []
        self._open_bytes, self._look_at_bytes = 0, _LOOK_BYTES
        self._chunks_due_s = monotonic() + CHUNK_S
        self._split_due_ns = -_NEVER_NS if split_s else _NEVER_NS  # log time
        self._file: McapWriter | None = None
        _make_folder(folder)
        self._begin_file()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            with suppress(UserError):  # of a full disk, say; the first error is the one to tell
                self.close()

    @property
    def size(self) -> int:
        """Bytes on disk and in open chunks."""
        return self._closed_bytes + self._open_bytes + (self._file.size if self._file else 0)

    def add_topic(self, name: str, type: str, qos: str = "", definition: str = "", type_hash: str = "") -> None:
        """Announce a topic; a second time changes nothing.

        qos: YAML as in a bag (`data.bags.qos`). definition, type_hash: of a type that is neither ROS 2 Jazzy's nor
        installed, e.g. as another bag has them.
        """
        if name in self._numbers:
            return
        topic = _Topic(name, type, qos, definition_of(type) or definition, hash_of(type) or type_hash)
        self._topics.append(topic)
        self._add_channel(topic)

    def write(self, topic: str, log_ns: int, data: bytes | memoryview) -> None:
        """Add a serialised message. log_ns: when it was received, since 1970 [ns]; need not be in order."""
        try:
            number = self._numbers[topic]
        except KeyError:
            raise choice_error("topic of the bag", topic, self._numbers) from None
        if log_ns >= self._split_due_ns:
            self._turn(log_ns)
        if data.__class__ is not bytes:
            data = bytes(data)
        size = len(data)
        chunk = self._small if size < LARGE_BYTES else self._large
        chunk += (number, log_ns, size, data)
        self._open_bytes += size
        if self._open_bytes >= self._look_at_bytes:
            self._look()

    def flush(self) -> None:
        """Have everything so far in the file. Call it each second: small messages may not fill a chunk for long."""
        small, large = self._small, self._large
        self._small, self._large = [], []
        self._open_bytes, self._look_at_bytes = 0, _LOOK_BYTES
        self._chunks_due_s = monotonic() + CHUNK_S
        assert self._file is not None, "the bag is closed"
        if small:
            self._file.write_chunk(small, checksum=True)
        if large:
            self._file.write_chunk(large, checksum=False)
        if self._split_bytes and self._file.size >= self._split_bytes:
            self._split_due_ns = -_NEVER_NS  # the next message begins a new file

    def close(self) -> None:
        """Finish the bag; a second time changes nothing."""
        if self._file is None:
            return
        try:
            self.flush()
        finally:
            self._end_file()

    def _look(self) -> None:
        """Close the open chunks when they are large or old."""
        if self._open_bytes >= CHUNK_BYTES or monotonic() >= self._chunks_due_s:
            self.flush()
        else:
            self._look_at_bytes = self._open_bytes + _LOOK_BYTES

    def _turn(self, log_ns: int) -> None:
        """Begin a new file when the current one is full or old; a message at `log_ns` is next."""
        self.flush()
        assert self._file is not None
        if self._file.contents.chunks:
            self._end_file()
            self._begin_file()
        self._split_due_ns = log_ns + self._split_ns if self._split_ns else _NEVER_NS

    def _begin_file(self) -> None:
        path = self.folder / f"{self.folder.absolute().name}_{len(self._parts)}.mcap"
        self._file = McapWriter(path)
        # Until the file is finished this is what tells of the custom data.
        self._file.add_metadata(metadata.to_yaml(metadata.describe([], [], self._custom_data)))
        for topic in self._topics:
            self._add_channel(topic)

    def _add_channel(self, topic: _Topic) -> None:
        assert self._file is not None, "the bag is closed"
        values = {"offered_qos_profiles": qos.dump(qos.parse(topic.qos)), "topic_type_hash": topic.type_hash}
        self._numbers[topic.name] = self._file.add_channel(topic.name, topic.type, topic.definition, values)

    def _end_file(self) -> None:
        """Finish the current file and tell of it in metadata.yaml."""
        file, self._file = self._file, None
        assert file is not None
        counts = {topic.name: file.contents.counts.get(self._numbers[topic.name], 0) for topic in self._topics}
        chunks = file.contents.chunks
        part = metadata.FileSummary(
            file.path.name,
            min((chunk.start_ns for chunk in chunks), default=0),
            max((chunk.end_ns for chunk in chunks), default=0),
            sum(counts.values()),
        )
        try:
            file.add_metadata(metadata.to_yaml(self._description([part], counts)))
        finally:
            file.close()
        self._closed_bytes += file.size
        self._counts.update(counts)
        self._parts.append(part)
        metadata.write(self.folder, self._description(self._parts, self._counts))

    def _description(self, parts: list[metadata.FileSummary], counts: Mapping[str, int]) -> dict[str, object]:
        topics = [
            metadata.TopicSummary(topic.name, topic.type, topic.qos, topic.type_hash, counts[topic.name])
            for topic in self._topics
        ]
        return metadata.describe(parts, topics, self._custom_data)


def _make_folder(folder: Path) -> None:
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"{folder} already holds files; choose a new or an empty folder")
    with creating(folder):
        folder.mkdir(parents=True, exist_ok=True)
