"""``so-arm export``: a LeRobot v3 dataset as HDF5 of LIBERO's form or as RLDS."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from so_arm.cli.exchange_options import FpsOption, NewFolderOption, NoOpsOption, RotateOption, show, summary
from so_arm.cli.options import JsonOption
from so_arm.cli.output import check_folder, console, write_json
from so_arm.cli.progress_bar import progress_bar


class TargetFormat(StrEnum):
    hdf5 = "hdf5"
    rlds = "rlds"


def register(app: typer.Typer) -> None:
    app.command("export")(export_dataset)


def export_dataset(
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="Folder of a LeRobot dataset (v3).")],
    output: NewFolderOption,
    to: Annotated[
        TargetFormat,
        typer.Option(show_default=False, help="hdf5: LIBERO's form, a file per instruction; rlds: NAME/1.0.0."),
    ],
    fps: FpsOption = None,
    rotate_images: RotateOption = False,
    drop_no_ops: NoOpsOption = False,
    json_file: JsonOption = None,
) -> None:
    """Write a LeRobot v3 dataset as HDF5 of LIBERO's form, or as RLDS that TensorFlow Datasets opens.

    Joints keep the units of the dataset, which are told in the file. `so-arm import` makes the same dataset of it.
    """
    from so_arm.core.provenance import provenance
    from so_arm.data.exchange.edits import Edits
    from so_arm.data.exchange.episode import Episode, Layout, OnFrames
    from so_arm.data.exchange.hdf5_target import write_hdf5
    from so_arm.data.exchange.instruction import tfds_name
    from so_arm.data.exchange.lerobot_source import LeRobotSource
    from so_arm.data.exchange.new_folder import check_new_folder
    from so_arm.data.exchange.rlds_target import write_rlds
    from so_arm.data.exchange.transfer import transfer

    source = LeRobotSource(dataset)
    check_folder(output, "--output")
    check_new_folder(output)
    edits = Edits(rotate_images, drop_no_ops, fps)
    edits.layout(source.layout)
    name = tfds_name(dataset.absolute().name)

    def write(folder: Path, layout: Layout, episodes: Iterable[Episode], on_frames: OnFrames) -> None:
        if to is TargetFormat.hdf5:
            write_hdf5(folder, layout, episodes, on_frames)
        else:
            write_rlds(folder, name, dataset.name, layout, episodes, on_frames)

    with progress_bar("exporting", sum(source.lengths), "frames") as advance:
        done = transfer(source, output, edits, write, advance)
    warnings = list(source.warnings)
    if "reward" not in source.layout.features and "success" not in source.layout.features:
        warnings.append(
            "the dataset tells neither reward nor success; every episode counts as a success, reward 1 last"
        )
    result = summary(dataset, output, to.value, done, warnings)
    write_json(json_file, result | {"made_by": provenance()})
    show(console(json_file), result)
