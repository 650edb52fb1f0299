"""docs/faults.md names a test for every fault, and those tests exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from so_arm.hardware.feetech.faults import FaultKind

TESTS = Path(__file__).parent
PAGE = TESTS.parent / "docs" / "faults.md"
COLUMNS = 5
#: What a fault's row begins with, beside those of the emulator.
ALSO = (
    "10 % of all packets lost",
    "USB unplugged for 3 s",
    "two servos with one id",
    "encoder wraps",
    "command with NaN, from the past, from the future",
    "command out of range",
    "command of another episode",
    "e-stop in motion",
    "policy killed (-9)",
    "mux killed (-9)",
    "driver killed (-9) and restarted",
    "calibration of another arm",
    "port busy",
    "no permission on the port",
    "camera stalls",
    "recorder killed (-9) in a recording",
    "recorder killed (-9) in a bag",
    "empty bag",
    "bag without the needed topics",
    "unknown message types",
    "truncated MCAP",
    "two cameras of different rates",
    "clock jumping backwards",
    "topic that stops in mid-episode",
    "dataset with other joint names",
    "dataset with other fps",
    "dataset with units that do not fit",
    "dataset being written by another process",
    "read-only disk",
    "full disk",
    "key repeat",
    "terminal without a tty",
    "recording with no camera",
)


def rows() -> list[list[str]]:
    """Cells of every row of every table, without heads."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]
    return [row for row in cells if row[-1] != "test"]


def test_every_fault_has_a_row() -> None:
    faults = [row[0] for row in rows()]
    named = {name for fault in faults for name in re.findall(r"\(`(\w+)`\)", fault)}
    assert named == {kind.value for kind in FaultKind}
    assert [name for name in ALSO if not any(fault.startswith(name) for fault in faults)] == []


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_every_row_is_complete_and_its_tests_exist(row: list[str]) -> None:
    assert len(row) == COLUMNS and all(row)
    named = re.findall(r"`([\w/]+\.py)::(\w+)(?:\[(.+?)\])?`", row[-1])
    assert named and len(named) == row[-1].count("::")
    for file, function, case in named:
        (path,) = TESTS.rglob(file)
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}, function
        texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        assert not case or case in texts, case
