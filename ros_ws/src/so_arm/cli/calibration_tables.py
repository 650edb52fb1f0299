"""Tables of ``so-arm calibrate``: the joints while they are moved, and what the servos hold before and after."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rich.table import Table

from so_arm.core.calibration import FULL_TURN_JOINT, MAX_TICK, Calibration, reach_ticks
from so_arm.core.calibration_checks import LEAST_OF_MODEL
from so_arm.core.joints import JOINT_NAMES

if TYPE_CHECKING:
    from so_arm.hardware.feetech.stored_calibration import Stored
    from so_arm.hardware.setup.range_recorder import RecordedRange

_DEGREES_PER_TICK = 360 / MAX_TICK


def moving_table(ranges: Mapping[str, RecordedRange]) -> Table:
    """Position, ends and range of every joint so far."""
    table = _table("joint", "now", "min", "max", "degrees", "of model", "")
    for name in JOINT_NAMES:
        joint = ranges.get(name)
        if name == FULL_TURN_JOINT or joint is None:
            table.add_row(name, "", "0", str(MAX_TICK), "360", "", "a full turn, not measured")
            continue
        part = joint.span / (2 * reach_ticks(name))
        table.add_row(
            name,
            str(joint.position),
            str(joint.low),
            str(joint.high),
            f"{joint.span * _DEGREES_PER_TICK:.0f}",
            f"{part:.0%}",
            _remark(joint, part),
        )
    return table


def _remark(joint: RecordedRange, part: float) -> str:
    if joint.wrapped:
        return "[red]jumped by a turn: Enter, then again from the middle[/red]"
    if not joint.answered:
        return "[yellow]no answer[/yellow]"
    return "[yellow]move it to both ends[/yellow]" if part < LEAST_OF_MODEL else "[green]ok[/green]"


def change_table(calibration: Calibration, before: Mapping[int, Stored]) -> Table:
    """What each servo holds and what it is to hold. `before`: by servo id."""
    from so_arm.hardware.feetech.stored_calibration import of_joint

    table = _table("joint", "id", "offset", "range", "")
    for name in JOINT_NAMES:
        joint = calibration.joints[name]
        old, new = before[joint.id], of_joint(joint)
        table.add_row(
            name,
            str(joint.id),
            _change(str(old.homing_offset), str(new.homing_offset)),
            _change(f"{old.range_min}..{old.range_max}", f"{new.range_min}..{new.range_max}"),
            "" if old == new else "[yellow]changes[/yellow]",
        )
    return table


def _change(old: str, new: str) -> str:
    return old if old == new else f"{old} → {new}"


def _table(*columns: str) -> Table:
    table = Table()
    table.add_column(columns[0])
    for column in columns[1:-1]:
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column(columns[-1])
    return table
