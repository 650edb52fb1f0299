"""``so-arm import``: datasets of other formats become LeRobot v3."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from so_arm.cli.exchange_options import FpsOption, NewFolderOption, NoOpsOption, RotateOption, show, summary
from so_arm.cli.options import JsonOption
from so_arm.cli.output import check_folder, console, write_json
from so_arm.cli.progress_bar import progress_bar
from so_arm.data.exchange.source_format import SourceFormat, source_format

if TYPE_CHECKING:
    from so_arm.data.exchange.edits import Edits
    from so_arm.data.exchange.episode import Source
    from so_arm.data.exchange.transfer import Transfer


def register(app: typer.Typer) -> None:
    app.command("import")(import_dataset)


def import_dataset(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="LeRobot v2.1 or RLDS folder, HDF5 file or a folder of them.")
    ],
    output: NewFolderOption,
    source_form: Annotated[
        SourceFormat | None, typer.Option("--from", show_default="found out", help="Format of the source.")
    ] = None,
    instruction: Annotated[
        str | None,
        typer.Option(metavar="TEXT", show_default="what the source tells", help="Instruction of every episode."),
    ] = None,
    source_fps: Annotated[
        int | None,
        typer.Option(min=1, show_default="what the source tells, else 20", help="Rows per second of the source."),
    ] = None,
    fps: FpsOption = None,
    rotate_images: RotateOption = False,
    drop_no_ops: NoOpsOption = False,
    json_file: JsonOption = None,
) -> None:
    """Make a LeRobot v3 dataset of LeRobot v2.1, of robosuite or LIBERO HDF5, or of RLDS. The source stays as it is.

    Columns and units are kept, other robots' too. HDF5 and RLDS hold one instruction per episode; where a file tells
    none, it is LIBERO's reading of the file name.
    """
    from so_arm.core.provenance import provenance
    from so_arm.data.exchange.edits import Edits
    from so_arm.data.exchange.new_folder import check_new_folder

    found = source_form or source_format(source)
    check_folder(output, "--output")
    check_new_folder(output)
    edits = Edits(rotate_images, drop_no_ops, fps)
    if found is SourceFormat.v21:
        done, warnings = _convert(source, output, edits, instruction, source_fps)
    else:
        done, warnings = _transfer(_open(found, source, instruction, source_fps), output, edits)
    result = summary(source, output, found.value, done, [*warnings, *_not_this_arm(output)])
    write_json(json_file, result | {"made_by": provenance()})
    show(console(json_file), result)


def _open(found: SourceFormat, source: Path, instruction: str | None, fps: int | None) -> Source:
    from so_arm.data.exchange.hdf5_source import Hdf5Source
    from so_arm.data.exchange.rlds_source import RldsSource

    with console(Path("-")).status("reading what the source has"):
        reader = Hdf5Source if found is SourceFormat.hdf5 else RldsSource
        return reader(source, instruction, fps)


def _transfer(reader: Source, output: Path, edits: Edits) -> tuple[Transfer, list[str]]:
    from so_arm.data.exchange.lerobot_target import write_lerobot
    from so_arm.data.exchange.transfer import transfer

    edits.layout(reader.layout)
    with progress_bar("importing", sum(reader.lengths), "frames") as advance:
        return transfer(reader, output, edits, write_lerobot, advance), reader.warnings


def _convert(
    source: Path, output: Path, edits: Edits, instruction: str | None, fps: int | None
) -> tuple[Transfer, list[str]]:
    from so_arm.core.errors import UserError
    from so_arm.data.exchange.edits import Edits
    from so_arm.data.exchange.lerobot_source import LeRobotSource
    from so_arm.data.exchange.lerobot_v21 import check_complete, convert
    from so_arm.data.exchange.new_folder import new_folder
    from so_arm.data.exchange.transfer import Transfer

    if edits != Edits() or instruction is not None or fps is not None:
        raise UserError("a LeRobot v2.1 dataset is converted as it is; only HDF5 and RLDS are edited on import")
    lengths = check_complete(source)
    console(Path("-")).print(f"LeRobot converts {len(lengths)} episodes, {sum(lengths)} frames")
    with new_folder(output) as folder:
        convert(source, folder)
        written = LeRobotSource(folder)
        if written.lengths != lengths:
            raise UserError(f"LeRobot's converter wrote {sum(written.lengths)} of {sum(lengths)} frames of {source}")
    return Transfer(written.layout, sum(lengths), lengths), written.warnings


def _not_this_arm(output: Path) -> list[str]:
    """A line when state or action are not this arm's six joints."""
    from so_arm.data.dataset_schema import ACTION, FEATURE_NAMES, STATE, load_info

    features = load_info(output)["features"]
    others = {key: features[key].get("names") for key in (STATE, ACTION) if key in features}
    wrong = [f"{key} is {_short(names)}" for key, names in others.items() if names != FEATURE_NAMES]
    if not wrong:
        return []
    return [f"`so-arm train` will refuse this dataset: {wrong[0]}, not this arm's {_short(FEATURE_NAMES)}"]


def _short(names: Any) -> str:
    listed = next(iter(names.values()), []) if isinstance(names, dict) else names or ["without names"]
    return ", ".join(str(name) for name in (listed if len(listed) <= 6 else [*listed[:3], "..."]))
