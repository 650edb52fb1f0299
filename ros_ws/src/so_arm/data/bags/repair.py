"""Gives a bag what its killed recorder could not write: the index at the end of its last file, and metadata.yaml."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from so_arm.core.errors import UserError
from so_arm.core.files import writing
from so_arm.data.bags import mcap_records as records
from so_arm.data.bags import metadata
from so_arm.data.bags.mcap_file import McapFile
from so_arm.data.bags.mcap_writer import refuse_open_by_another
from so_arm.data.bags.reader import Bag, open_bag

#: What is cut off the end of a file is kept beside it, under this ending.
CUT_OFF = ".cut_off"


def repair(path: Path) -> list[str]:
    """Finish the files of the bag `path` that have no end, and write metadata.yaml anew; returns what was done.

    UserError: it is being recorded right now, or cannot be written.
    """
    done = []
    with open_bag(path) as bag:
        if any(path.glob("*.zstd")):
            raise UserError(f"{path}: its files are compressed as a whole; unpack them first (unzstd)")
        for file in bag.files:
            if isinstance(file, McapFile) and file.problem:
                done.append(_finish(file))
    if path.is_dir():
        with open_bag(path) as bag:
            metadata.write(path, _description(bag))
            done.append(f"{metadata.FILE_NAME} written: {bag.message_count} messages in {len(bag.files)} files")
    return done


def _finish(file: McapFile) -> str:
    """Cut off what is not whole, and write the index."""
    refuse_open_by_another(file.path)
    contents = records.Contents(
        schemas=[records.schema(found.id, found.name, found.encoding, found.data) for found in file.schemas.values()],
        channels=[
            records.channel(found.id, found.schema_id, found.topic, found.metadata, found.message_encoding)
            for found in file.channels.values()
        ],
        chunks=list(file.chunks),
        counts=dict(file.counts),
        metadata=file.metadata,
    )
    end, ending = file.whole_bytes, b"" if file.whole_bytes > len(records.MAGIC) else records.header("so_arm")
    if ending:
        end = 0
    elif contents.chunks and not all(contents.chunks[-1].indexes.values()):
        last = contents.chunks[-1]
        end = last.offset + last.length
        indexes, ending = records.message_indexes(*file.places(last), end)
        contents.chunks[-1] = replace(last, indexes=indexes, indexes_length=len(ending))
    ending += records.ending(contents, end + len(ending))
    with writing(file.path), file.path.open("r+b") as target:
        target.seek(end)
        rest = target.read()
        if rest:
            file.path.with_name(file.path.name + CUT_OFF).write_bytes(rest)
        target.seek(end)
        target.write(ending)
        target.truncate()
        target.flush()
        os.fsync(target.fileno())
    kept = f"; {len(rest)} bytes that are no whole chunk are in {file.path.name}{CUT_OFF}" if rest else ""
    return f"{file.path.name} finished: {file.message_count} messages{kept}"


def _description(bag: Bag) -> dict[str, object]:
    parts = [metadata.FileSummary(file.path.name, file.start_ns, file.end_ns, file.message_count) for file in bag.files]
    topics = [
        metadata.TopicSummary(topic.name, topic.type, topic.qos, topic.type_hash, topic.count)
        for topic in bag.topics.values()
    ]
    return metadata.describe(parts, topics, bag.custom_data, bag.storage)
