"""Bags from here and elsewhere: MCAP and sqlite3, whole or torn, with or without metadata.yaml."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import Any, Self

import zstandard

from so_arm.core.errors import UserError
from so_arm.data.bags import metadata
from so_arm.data.bags.log_order import BagMessage, Piece, in_log_order
from so_arm.data.bags.mcap_file import McapFile
from so_arm.data.bags.sqlite_file import SqliteFile
from so_arm.data.bags.storage import Damaged, StoredFile, StoredTopic

__all__ = ["Bag", "BagMessage", "BagTopic", "open_bag"]

_KINDS = {".mcap": "mcap", ".db3": "sqlite3"}
_PACKED = ".zstd"


@dataclass(frozen=True)
class BagTopic:
    """qos: YAML, as it was recorded; definition: of the type, "" where the bag has none."""

    name: str
    type: str
    count: int
    qos: str
    definition: str
    encoding: str = "ros2msg"
    type_hash: str = ""


class Bag:
    """An open bag; a context manager. Times are log times, since 1970 [ns]; 0 where there are no messages.

    warnings: what is not as it should be, one line each. custom_data: what the recorder was told to keep with it.
    """

    def __init__(
        self,
        path: Path,
        files: list[StoredFile],
        storage: str,
        description: dict[str, Any] | None,
        warnings: list[str],
        cleanup: ExitStack,
    ) -> None:
        self.path = path
        self.files = files
        self.storage = storage
        self.warnings = warnings + [f"{file.path.name}: {file.problem}" for file in files if file.problem]
        filled = [file for file in files if file.message_count]
        self.start_ns = min((file.start_ns for file in filled), default=0)
        self.end_ns = max((file.end_ns for file in filled), default=0)
        self.message_count = sum(file.message_count for file in files)
        self.custom_data: dict[str, str] = {}
        for file in files:
            self.custom_data |= file.custom_data
        self._packed_messages = False
        if description is not None:
            self.custom_data |= metadata.custom_data_of(description)
            self._packed_messages = str(description.get("compression_mode", "")).lower() == "message"
            if description.get("message_count") not in (None, self.message_count):
                stated = description["message_count"]
                self.warnings.append(f"{metadata.FILE_NAME} says {stated} messages, there are {self.message_count}")
        self.topics = self._joined_topics()
        self._cleanup = cleanup

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def duration_s(self) -> float:
        return (self.end_ns - self.start_ns) / 1e9

    def messages(self, topics: Collection[str] | None = None) -> Iterator[BagMessage]:
        """The messages of `topics` (None: all) in log order. UserError where a file is damaged."""
        try:
            for message in in_log_order(self.pieces(topics)):
                yield self.unpacked(message)
        except Damaged as damage:
            raise UserError(f"{self.path}: {damage}; `so-arm bag check` tells what is whole") from damage

    def pieces(self, topics: Collection[str] | None = None) -> list[Piece]:
        """What `messages` reads, piece by piece: a damaged one raises Damaged, and the others are still there."""
        return [piece for file in self.files for piece in file.pieces(topics)]

    def unpacked(self, message: BagMessage) -> BagMessage:
        """`message` of a piece, uncompressed."""
        if not self._packed_messages:
            return message
        try:
            data = zstandard.ZstdDecompressor().decompressobj().decompress(message.data)
        except zstandard.ZstdError as error:
            raise Damaged(f"a message of {message.topic} is not zstd: {error}") from error
        return BagMessage(message.topic, message.log_ns, data)

    def close(self) -> None:
        self._cleanup.close()

    def _joined_topics(self) -> dict[str, BagTopic]:
        """The topics of all files, by name."""
        joined: dict[str, BagTopic] = {}
        for stored in (topic for file in self.files for topic in file.topics):
            known = joined.get(stored.name)
            if known is not None and known.type != stored.type:
                self.warnings.append(f"{stored.name} is {known.type} and {stored.type}; taken as {known.type}")
            if stored.serialization != "cdr":
                self.warnings.append(
                    f"{stored.name} is serialised as {stored.serialization or 'nothing known'}, not cdr"
                )
            joined[stored.name] = _joined(known, stored)
        return dict(sorted(joined.items()))


def open_bag(path: Path) -> Bag:
    """Open a bag folder, with or without metadata.yaml, or one file of a bag.

    UserError with the reason when it is none, or nothing of it can be read; what is merely not whole is opened, and
    told in `warnings`.
    """
    if not path.exists():
        raise UserError(f"{path} does not exist")
    warnings: list[str] = []
    description = None
    if path.is_dir():
        description, problem = metadata.read(path)
        warnings += [problem] if problem else []
        places = _files_of(path, description, warnings)
    else:
        places = [path]
    storage = _storage(path, places, description)
    with ExitStack() as cleanup:
        files = [file for place in places if (file := _open(place, cleanup, warnings, alone=len(places) == 1))]
        if not files:
            raise UserError(f"{path}: none of its files can be read: {'; '.join(warnings)}")
        return Bag(path, files, storage, description, warnings, cleanup.pop_all())


def _files_of(folder: Path, description: dict[str, Any] | None, warnings: list[str]) -> list[Path]:
    """Files of the bag in `folder`: those that metadata.yaml lists and that are there, else all that could be."""
    found = sorted((file for file in folder.iterdir() if _kind(file)), key=_by_number)
    listed = (description or {}).get("relative_file_paths")
    if not isinstance(listed, list):
        return found
    names = [PurePosixPath(str(name)).name for name in listed]
    missing = [name for name in names if not (folder / name).is_file()]
    warnings += [f"{name} is in {metadata.FILE_NAME}, but not in the folder" for name in missing]
    unlisted = [file for file in found if file.name not in names]
    warnings += [f"{file.name} is not in {metadata.FILE_NAME}; taken as part of the bag" for file in unlisted]
    return [folder / name for name in names if name not in missing] + unlisted


def _storage(path: Path, places: list[Path], description: dict[str, Any] | None) -> str:
    """Format of all the files; UserError when there is none, or one that is not known."""
    kinds = sorted({_kind(place) for place in places})
    stated = (description or {}).get("storage_identifier")
    if not places:
        if any(path.glob("*.bag")):
            raise UserError(f"{path} holds a ROS 1 bag; convert it first: rosbags-convert --src FILE --dst FOLDER")
        if (path / "meta" / "info.json").is_file():
            raise UserError(f"{path} is a LeRobot dataset, not a bag; so-arm dataset to-bag {path} -o DIR makes one")
        raise UserError(f"{path} is not a bag: there is no .mcap and no .db3 file in it")
    if "" in kinds:
        if path.suffix == ".bag":
            raise UserError(f"{path} is a ROS 1 bag; convert it first: rosbags-convert --src FILE --dst FOLDER")
        raise UserError(f"{path} is not a bag: its name ends neither in .mcap nor in .db3")
    if len(kinds) > 1:
        raise UserError(f"{path} holds {' and '.join(kinds)} files; give one of them, or a folder with one kind")
    if stated is not None and stated not in _KINDS.values():
        raise UserError(f"{path}: storage '{stated}' is not known; known are: {', '.join(sorted(_KINDS.values()))}")
    return kinds[0]


def _open(path: Path, cleanup: ExitStack, warnings: list[str], alone: bool) -> StoredFile | None:
    """One file; None, and a warning, where it cannot be read and is not the only one."""
    try:
        real = _unpack(path, cleanup) if path.suffix == _PACKED else path
        file: StoredFile = McapFile(real) if _kind(path) == "mcap" else SqliteFile(real)
    except (UserError, OSError) as error:
        reason = str(error) if isinstance(error, UserError) else f"{path} cannot be read: {error.strerror or error}"
        if alone:
            raise UserError(reason) from error
        warnings.append(reason)
        return None
    cleanup.callback(file.close)
    return file


def _unpack(path: Path, cleanup: ExitStack) -> Path:
    """A file that rosbag2 compressed as a whole, uncompressed, for as long as the bag is open."""
    folder = cleanup.enter_context(tempfile.TemporaryDirectory(prefix="so_arm_bag_"))
    target = Path(folder) / path.stem
    try:
        with path.open("rb") as packed, target.open("wb") as plain:
            shutil.copyfileobj(zstandard.ZstdDecompressor().stream_reader(packed), plain)
    except zstandard.ZstdError as error:
        raise UserError(f"{path} is damaged: {error}") from error
    return target


def _kind(path: Path) -> str:
    suffixes = [suffix for suffix in path.suffixes if suffix != _PACKED]
    return _KINDS.get(suffixes[-1], "") if suffixes else ""


def _by_number(path: Path) -> list[int | str]:
    """bag_10 comes after bag_9."""
    return [int(word) if word.isdigit() else word for word in re.split(r"(\d+)", path.name)]


def _joined(known: BagTopic | None, stored: StoredTopic) -> BagTopic:
    if known is None:
        return BagTopic(
            stored.name, stored.type, stored.count, stored.qos, stored.definition, stored.encoding, stored.type_hash
        )
    count = known.count + stored.count
    return BagTopic(
        known.name, known.type, count, known.qos, known.definition, known.encoding, known.type_hash or stored.type_hash
    )
