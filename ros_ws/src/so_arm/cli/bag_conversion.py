"""``so-arm bag to-dataset`` and ``so-arm dataset to-bag``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from so_arm.cli.options import JsonOption
from so_arm.cli.output import check_folder, console, write_json
from so_arm.cli.progress_bar import progress_bar
from so_arm.data.joint_units import JointUnits


def to_bag(
    dataset: Annotated[Path, typer.Argument(metavar="DATASET", help="Folder of a LeRobot dataset (v3) of this arm.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="BAG", help="Folder of the new bag.")],
    episodes: Annotated[
        str | None, typer.Option(metavar="LIST", show_default="all", help="Episodes to write, e.g. 0,3-5.")
    ] = None,
    compressed: Annotated[
        bool, typer.Option("--compressed", help="Images as JPEG: a tenth of the size, and a little is lost.")
    ] = False,
    units: Annotated[
        JointUnits | None,
        typer.Option(show_default="what the metadata tell", help="Units of the dataset's joints."),
    ] = None,
    calibration: Annotated[
        Path | None, typer.Option(metavar="FILE", show_default=False, help="Calibration of the arm, for --units range.")
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Write a dataset as a bag: what our nodes would have published, stamped on the exact grid of the dataset.

    The first episode begins at 1 s, and a second lies between two of them. Stamps are made up, so the bag tells of no
    latencies. `so-arm bag to-dataset` gives the same rows back.
    """
    from so_arm.cli.replay_runs import chosen_episodes
    from so_arm.core.calibration_formats import read_calibration
    from so_arm.data.conversion.dataset_to_bag import write_bag
    from so_arm.data.recordings.dataset_recording import DatasetRecording

    check_folder(output, "--output")
    out = console(json_file)
    arm = None if calibration is None else read_calibration(calibration.expanduser())
    recording = DatasetRecording(dataset.expanduser(), units, arm)
    chosen = chosen_episodes(episodes, len(recording))
    frames = sum(len(recording.episode(index)) for index in chosen)
    with progress_bar("writing", frames, "frames") as advance:
        written = write_bag(recording, output, chosen, compressed, lambda: advance(1))
    report = {
        "dataset": str(dataset),
        "bag": str(output),
        "episodes": [{"episode": index, "frames": count} for index, count in zip(chosen, written.frames, strict=True)],
        "messages": written.messages,
        "cameras": list(recording.cameras),
        "compressed": compressed,
    }
    write_json(json_file, report)
    out.print(
        f"{output}: {_counted(len(chosen), 'episode')}, {_counted(frames, 'frame')},"
        f" {_counted(written.messages, 'message')}",
        soft_wrap=True,
    )


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
