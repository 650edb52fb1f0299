"""``so-arm bag to-dataset`` and ``so-arm dataset to-bag``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from so_arm.cli.options import JsonOption
from so_arm.cli.output import check_folder, console, write_json
from so_arm.cli.progress_bar import progress_bar
from so_arm.core.errors import UserError
from so_arm.core.files import writing
from so_arm.data.joint_units import JointUnits

if TYPE_CHECKING:
    from rich.console import Console

    from so_arm.data.bags.reader import Bag
    from so_arm.data.conversion.bag_streams import BagStreams
    from so_arm.data.conversion.bag_to_dataset import Conversion
    from so_arm.data.ingest.episode_saver import Fate
    from so_arm.data.ingest.settings import RecordingSettings


def to_dataset(
    bag: Annotated[Path, typer.Argument(metavar="BAG", help="Bag folder, or one .mcap or .db3 file.")],
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the new dataset.")],
    fps: Annotated[int, typer.Option(min=1, max=200, help="Rate of the rows [Hz].")] = 30,
    cameras: Annotated[
        str | None,
        typer.Option(metavar="NAMES", show_default="all in the bag", help="Cameras, e.g. static,wrist; '': none."),
    ] = None,
    instruction: Annotated[
        str | None,
        typer.Option(metavar="TEXT", show_default="that of the bag's task", help="What the arm was to do, in words."),
    ] = None,
    state_tolerance: Annotated[
        float, typer.Option(min=0.001, max=1.0, help="How far a state or command may be from its row [s].")
    ] = 0.05,
    image_tolerance: Annotated[
        float, typer.Option(min=0.001, max=1.0, help="How far an image may be from its row [s].")
    ] = 0.1,
    namespace: Annotated[
        str | None, typer.Option(metavar="NAME", show_default="the only one", help="Namespace of the arm in the bag.")
    ] = None,
    control_hz: Annotated[
        int, typer.Option(min=0, max=200, help="Rate in which the bag counts steps of episodes [Hz]; 0: --fps.")
    ] = 0,
    json_file: JsonOption = None,
) -> None:
    """Write the episodes in a bag as a LeRobot dataset, the way in which they are recorded live.

    A bag without /episode/info is one episode as a whole. Where a topic has no message for a row the episode is cut
    there; nothing is made up. Each episode is complete on disk before the next one, so Ctrl-C leaves finished ones.
    """
    from so_arm.data.bags.reader import open_bag
    from so_arm.data.conversion.bag_streams import find_streams
    from so_arm.data.ingest.settings import RecordingSettings

    _check_new_folder(output)
    wanted = None if cameras is None else [name for name in cameras.replace(",", " ").split() if name]
    out = console(json_file)
    with open_bag(bag) as opened:
        streams = find_streams(bag, opened.topics, namespace, wanted)
        settings = RecordingSettings(
            fps, streams.cameras, streams.reward, state_tolerance, image_tolerance, control_hz=control_hz
        )
        if not streams.episodes:
            out.print(f"{bag} does not tell of episodes: it is one as a whole", markup=False, soft_wrap=True)
        found = _convert(out, opened, streams, settings, output, instruction)
        problems = [*opened.warnings, *found.damage]
    for problem in problems:
        out.print(f"problem: {problem}", markup=False, soft_wrap=True)
    write_json(json_file, _report(bag, output, streams, fps, found, problems))
    if not found.episodes:
        reasons = "; ".join(f"{fate.report.info.id} {fate.result}" for fate in found.fates) or "it has none"
        raise UserError(f"{bag}: no episode is fit for a dataset: {reasons}")
    out.print(
        f"{output}: {_counted(found.episodes, 'episode')}, {_counted(found.rows, 'row')},"
        f" cameras: {', '.join(streams.cameras) or 'none'}",
        soft_wrap=True,
    )


def _convert(
    out: Console,
    bag: Bag,
    streams: BagStreams,
    settings: RecordingSettings,
    root: Path,
    instruction: str | None,
) -> Conversion:
    from so_arm.data.conversion.bag_to_dataset import bag_to_dataset, task_of

    saved = []

    def tell(fate: Fate) -> None:
        saved.append(fate)
        out.print(f"episode {fate.report.info.id} {fate.result}: {_counted(fate.rows, 'row')}{_oddities(fate)}",
                  markup=False, soft_wrap=True)  # fmt: skip

    text = instruction if instruction is not None else _instruction(task_of(bag, streams))
    total = sum(bag.topics[name].count for name in streams.names)
    try:
        with writing(root), progress_bar("reading", total, "messages") as advance:
            return bag_to_dataset(bag, streams, settings, root, text, lambda: advance(1), tell)
    except KeyboardInterrupt:
        kept = sum(fate.rows > 0 for fate in saved)
        out.print(f"{root} holds the {_counted(kept, 'episode')} that were finished", markup=False, soft_wrap=True)
        raise


def _instruction(task: str) -> str:
    """In words; a task that is not ours stands for itself."""
    from so_arm.sim.tasks import TASKS

    return TASKS[task].instruction if task in TASKS else task


def _oddities(fate: Fate) -> str:
    """What was wrong with the topics, e.g. samples that came late."""
    odd = [
        f"{topic} {count} {name}"
        for topic, counts in fate.report.streams.items()
        for name, count in counts.oddities.items()
    ]
    return f" ({', '.join(odd)})" if odd else ""


def _report(
    bag: Path, dataset: Path, streams: BagStreams, fps: int, found: Conversion, problems: list[str]
) -> dict[str, Any]:
    return {
        "bag": str(bag),
        "dataset": str(dataset),
        "fps": fps,
        "namespace": streams.namespace,
        "cameras": list(streams.cameras),
        "compressed_cameras": list(streams.compressed),
        "told_of_episodes": streams.episodes,
        "episodes": found.episodes,
        "rows": found.rows,
        "fates": [
            {
                "episode": fate.report.info.id,
                "outcome": fate.report.info.outcome,
                "result": fate.result,
                "rows": fate.rows,
                "lead": fate.report.lead,
                "streams": {
                    topic: vars(counts) | {"unused": counts.unused} for topic, counts in fate.report.streams.items()
                },
            }
            for fate in found.fates
        ],
        "problems": problems,
    }


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
    try:
        with progress_bar("writing", frames, "frames") as advance:
            written = write_bag(recording, output, chosen, compressed, lambda: advance(1))
    except KeyboardInterrupt:
        out.print(f"{output} holds what was written by then; its last episode is not whole", soft_wrap=True)
        raise
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


def _check_new_folder(output: Path) -> None:
    """Nothing is added to a dataset that is there: a second run of the same command would add all of it again."""
    check_folder(output, "--output")
    if output.is_dir() and any(output.iterdir()):
        raise UserError(f"--output {output} already holds files; choose a new or an empty folder")


def _counted(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"
