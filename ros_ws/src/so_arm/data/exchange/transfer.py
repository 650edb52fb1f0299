"""From one format to another: the whole way of an import or an export, with a count of what went through."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from so_arm.core.errors import UserError
from so_arm.data.exchange.edits import Edits
from so_arm.data.exchange.episode import Episode, Layout, OnFrames, Source
from so_arm.data.exchange.new_folder import new_folder

Write = Callable[[Path, Layout, Iterable[Episode], OnFrames], None]


@dataclass
class Transfer:
    """What was written; rows_read: of the source."""

    layout: Layout
    rows_read: int
    lengths: list[int] = field(default_factory=list)


def transfer(source: Source, output: Path, edits: Edits, write: Write, on_frames: OnFrames) -> Transfer:
    """Write `source` to the new folder `output`. on_frames counts rows of the source, `sum(source.lengths)` in all."""
    result = Transfer(edits.layout(source.layout), sum(source.lengths))
    if edits.rotate_images and not source.layout.images:
        raise UserError("--rotate-images: the source has no images")

    def edited() -> Iterator[Episode]:
        for episode in source.episodes():
            shorter = edits.apply(source.layout, episode)
            result.lengths.append(len(shorter))
            on_frames(len(episode) - len(shorter))
            yield shorter

    with new_folder(output) as folder:
        write(folder, result.layout, edited(), on_frames)
    return result
