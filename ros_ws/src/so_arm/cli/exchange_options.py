"""Options that import and export share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from so_arm.core.counted import counted

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from so_arm.data.exchange.transfer import Transfer

NewFolderOption = Annotated[
    Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of what is made; must be new or empty.")
]
FpsOption = Annotated[
    int | None,
    typer.Option("--fps", min=1, show_default="the source's", help="Fewer rows per second; must divide the source's."),
]
RotateOption = Annotated[bool, typer.Option("--rotate-images", help="Turn every image by 180 degrees.")]
NoOpsOption = Annotated[
    bool, typer.Option("--drop-no-ops", help="Leave out rows whose action moves nothing (norm below 1e-4).")
]


def summary(source: Path, output: Path, format_name: str, done: Transfer, warnings: list[str]) -> dict[str, Any]:
    """The result for ``--json``."""
    layout = done.layout
    return {
        "source": str(source),
        "output": str(output),
        "format": format_name,
        "episodes": len(done.lengths),
        "frames_read": done.rows_read,
        "frames": sum(done.lengths),
        "fps": layout.fps,
        "robot_type": layout.robot_type,
        "units": layout.units,
        "features": {key: {"dtype": f.dtype, "shape": f.shape, "names": f.names} for key, f in layout.features.items()}
        | {key: {"dtype": "image", "shape": (*size, 3)} for key, size in layout.images.items()},
        "warnings": warnings,
    }


def show(out: Console, result: dict[str, Any]) -> None:
    """The result for people: what there is, then what was left out or assumed."""
    out.print(_table(result["features"]))
    shorter = f" of {result['frames_read']}" if result["frames"] != result["frames_read"] else ""
    out.print(
        f"{result['output']}: {counted(result['episodes'], 'episode')}, {result['frames']}{shorter} frames at "
        f"{result['fps']} fps, robot {result['robot_type']}",
        markup=False,
        soft_wrap=True,
    )
    for line in result["warnings"]:
        out.print(f"note: {line}", markup=False, soft_wrap=True)


def _table(features: dict[str, Any]) -> Table:
    from rich.table import Table

    table = Table("column", "type", "shape", "names")
    for key, feature in features.items():
        names = feature.get("names") or []
        listed = next(iter(names.values()), []) if isinstance(names, dict) else names
        short = [*listed[:3], "..."] if len(listed) > 6 else listed
        table.add_row(key, feature["dtype"], " x ".join(map(str, feature["shape"])), ", ".join(map(str, short)))
    return table
