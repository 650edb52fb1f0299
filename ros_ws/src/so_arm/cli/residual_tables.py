"""The figures of base against residual, for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table


def table(corner: str, columns: Sequence[str], rows: Sequence[tuple[str, Sequence[str]]], caption: str = "") -> Table:
    """Rows of (name, cells) beneath the names of the columns. corner: what the names are; caption: below."""
    made = Table(caption=caption or None, caption_justify="left")
    made.add_column(corner)
    for name in columns:
        made.add_column(name, justify="right")
    for name, cells in rows:
        made.add_row(*map(escape, (name, *cells)))
    return made


def grid(rows: Sequence[tuple[str, str]]) -> Table:
    """Rows of (name, value) without lines."""
    made = Table.grid(padding=(0, 2))
    for name, value in rows:
        made.add_row(f"[bold]{escape(name)}[/]", escape(value))
    return made
