"""A table of a page."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def html_table(head: Sequence[str] | None, rows: Sequence[tuple[str, Sequence[str]]]) -> str:
    """Rows of (name, cells). head: of the names and of each column; None for none."""
    lines = ["<table>"]
    if head is not None:
        lines.append("<tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + "</tr>")
    for name, cells in rows:
        values = "".join(f"<td>{escape(cell)}</td>" for cell in cells)
        lines.append(f"<tr><th>{escape(name)}</th>{values}</tr>")
    return "\n".join([*lines, "</table>"])
