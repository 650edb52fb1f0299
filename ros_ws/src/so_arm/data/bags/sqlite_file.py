"""A .db3 file of a bag: rosbag2's sqlite3 format, all versions."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Sequence
from functools import partial
from pathlib import Path

from so_arm.core.errors import UserError
from so_arm.data.bags.log_order import BagMessage, Piece
from so_arm.data.bags.storage import Damaged, StoredTopic


class SqliteFile:
    """Read only; see `storage.StoredFile`."""

    custom_data: dict[str, str]

    def __init__(self, path: Path) -> None:
        self.path = path
        self.problem = ""
        self.custom_data = {}
        # A player reads in another thread than it opens, never in two at once.
        self._database = sqlite3.connect(_address(path), uri=True, check_same_thread=False)
        self._database.row_factory = sqlite3.Row
        try:
            self._read_index()
        except sqlite3.Error as error:
            self._database.close()
            raise UserError(f"{path} is not a readable sqlite3 bag: {error}") from error

    def close(self) -> None:
        self._database.close()

    def pieces(self, topics: Collection[str] | None) -> list[Piece]:
        wanted = [number for number, topic in self._names.items() if topics is None or topic in topics]
        return [Piece(self.start_ns, partial(self._messages, wanted))] if wanted and self.message_count else []

    def _read_index(self) -> None:
        rows = [dict(row) for row in self._database.execute("SELECT * FROM topics ORDER BY id")]
        counts = dict(self._database.execute("SELECT topic_id, COUNT(*) FROM messages GROUP BY topic_id").fetchall())
        times = self._database.execute("SELECT MIN(timestamp), MAX(timestamp) FROM messages").fetchone()
        self.start_ns, self.end_ns = (times[0] or 0), (times[1] or 0)
        definitions = self._definitions()
        self._names: dict[int, str] = {row["id"]: row["name"] for row in rows}
        self.topics: Sequence[StoredTopic] = [
            _topic(row, counts.get(row["id"], 0), *definitions.get(row["type"], ("", ""))) for row in rows
        ]
        self.message_count = sum(counts.get(number, 0) for number in self._names)

    def _definitions(self) -> dict[str, tuple[str, str]]:
        """Encoding and text by type; files from before Iron have none."""
        tables = {row[0] for row in self._database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if "message_definitions" not in tables:
            return {}
        query = "SELECT topic_type, encoding, encoded_message_definition FROM message_definitions"
        return {kind: (encoding, text) for kind, encoding, text in self._database.execute(query)}

    def _messages(self, numbers: Collection[int]) -> Iterator[BagMessage]:
        marks = ", ".join("?" * len(numbers))
        query = f"SELECT topic_id, timestamp, data FROM messages WHERE topic_id IN ({marks}) ORDER BY timestamp, id"
        try:
            for number, log_ns, data in self._database.execute(query, list(numbers)):
                yield BagMessage(self._names[number], log_ns, bytes(data))
        except sqlite3.Error as error:
            raise Damaged(str(error)) from error


def _address(path: Path) -> str:
    """Without "immutable" SQLite makes files beside some bags, which is needed only for what a log there holds."""
    log = path.with_name(f"{path.name}-wal")
    logged = log.exists() and log.stat().st_size > 0
    return f"{path.absolute().as_uri()}?mode=ro{'' if logged else '&immutable=1'}"


def _topic(row: dict[str, str], count: int, encoding: str, definition: str) -> StoredTopic:
    return StoredTopic(
        row["name"],
        row["type"],
        count,
        row.get("offered_qos_profiles", ""),
        definition,
        encoding,
        row.get("type_description_hash", ""),
        row["serialization_format"],
    )
