"""The report of a replay as tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.markup import escape
from rich.table import Table

from so_arm.analysis.replay_rows import DIFFERENCE, Row, figure_rows, joint_rows, recording_rows, step_rows


def replay_tables(report: Mapping[str, Any], timing: Mapping[str, Any]) -> list[Table]:
    """Figures by policy, then the error by joint and by step ahead."""
    names = _short([policy["policy"] for policy in report["policies"]])
    difference = [DIFFERENCE] if report["comparison"] is not None else []
    return [
        _table("Answers against what was done", ["", *names, *difference], figure_rows(report, timing)),
        _table("Mean error over the chunk, by joint", ["joint", *names], joint_rows(report)),
        _table("Mean error by step ahead", ["step", *names], step_rows(report)),
    ]


def recording_table(report: Mapping[str, Any], timing: Mapping[str, Any], places: Sequence[tuple[str, str]]) -> Table:
    """What the recording tells of itself, and where the files are."""
    table = Table.grid(padding=(0, 2))
    for name, value in (*recording_rows(report, timing), *places):
        table.add_row(f"[bold]{name}[/]", escape(value))
    return table


def _short(names: list[str]) -> list[str]:
    """The last part of each policy's folder, where that tells them apart."""
    short = [Path(name).name for name in names]
    return short if len(set(short)) == len(short) else names


def _table(title: str, columns: Sequence[str], rows: Sequence[Row]) -> Table:
    table = Table(title=title, title_justify="left")
    for number, name in enumerate(columns):
        table.add_column(escape(name), justify="right" if number else "left")
    for name, cells in rows:
        table.add_row(name, *cells)
    return table
