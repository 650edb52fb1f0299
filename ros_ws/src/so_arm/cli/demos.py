"""`so-arm demos`: the scripted expert's episodes as a LeRobot dataset."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from so_arm.cli.options import JsonOption
from so_arm.cli.output import check_folder, console, write_json
from so_arm.cli.progress_bar import progress_bar
from so_arm.core.errors import UserError
from so_arm.core.files import writing
from so_arm.core.interrupt import uninterrupted
from so_arm.core.provenance import provenance

if TYPE_CHECKING:
    from so_arm.data.dataset_writer import DatasetWriter
    from so_arm.sim.demonstrations import Demonstration, DemonstrationSettings


def register(app: typer.Typer) -> None:
    app.command("demos")(demos)


def demos(
    output: Annotated[Path, typer.Option("--output", "-o", metavar="DIR", help="Folder of the dataset.")],
    episodes: Annotated[int, typer.Option(min=1, help="Successful episodes the dataset shall hold in all.")] = 200,
    task: Annotated[str, typer.Option(help="Task: pick_place or reach.")] = "pick_place",
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first episode; the others follow one by one.")] = 0,
    randomisation: Annotated[str, typer.Option(help="Domain randomisation: none, light or full.")] = "light",
    image_size: Annotated[int, typer.Option(min=16, max=1024, help="Height and width of the images [px].")] = 64,
    noise: Annotated[
        float, typer.Option(min=0.0, max=0.5, help="Disturbance of the executed command [rad]; the label stays clean.")
    ] = 0.0,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Processes that simulate and render.")] = 2,
    json_file: JsonOption = None,
) -> None:
    """Record episodes of the scripted expert as a LeRobot v3 dataset.

    Failed episodes are counted and left out. Run the same command again to go on after an interruption, or with a
    larger --episodes to add to the dataset.
    """
    check_folder(output, "--output")
    from so_arm.core.clock import CONTROL_HZ
    from so_arm.core.worker_pool import WorkerDied
    from so_arm.data.dataset_writer import DatasetWriter
    from so_arm.sim.demonstrations import DemonstrationSettings
    from so_arm.sim.randomisation import ranges
    from so_arm.sim.rendering import CAMERAS
    from so_arm.sim.tasks import task_class

    instruction = task_class(task).instruction
    ranges(randomisation)
    settings = DemonstrationSettings(task, randomisation, (image_size, image_size), noise)
    cameras = dict.fromkeys(CAMERAS, settings.image_size)
    with _full_disk(output), DatasetWriter(output, cameras, CONTROL_HZ, instruction) as writer:
        _check_same_recording(output, writer, _recording(settings, seed))
        try:
            _record(writer, settings, episodes, workers)
        except (KeyboardInterrupt, WorkerDied):
            writer.flush()
            console(json_file).print(
                f"kept {len(writer.notes)} episodes in {output}; the same command goes on", soft_wrap=True
            )
            raise
    summary = _summary(output, writer)
    write_json(json_file, summary | {"made_by": provenance()})
    console(json_file).print(
        f"{output}: {summary['episodes']} episodes, {summary['frames']} frames; "
        f"{len(summary['failed_seeds'])} of {summary['tried']} tries failed",
        soft_wrap=True,
    )


@contextmanager
def _full_disk(output: Path) -> Iterator[None]:
    """Around the writer, which takes the dataset back to its last whole episodes when it cannot go on."""
    try:
        with writing(output):
            yield
    except UserError as error:
        if not isinstance(error.__cause__, OSError):
            raise
        raise UserError(f"{error}; mend that, and the same command goes on from the last file of episodes") from error


def _recording(settings: DemonstrationSettings, seed: int) -> dict[str, Any]:
    return {
        "task": settings.task,
        "randomisation": settings.randomisation,
        "noise_rad": settings.noise_rad,
        "first_seed": seed,
    }


def _check_same_recording(output: Path, writer: DatasetWriter, recording: dict[str, Any]) -> None:
    """A dataset is one recording: going on with other settings would make its description a lie."""
    if not writer.extra:
        writer.extra.update(recording, next_seed=recording["first_seed"], failed_seeds=[])
    for name, value in recording.items():
        if writer.extra.get(name) != value:
            raise UserError(
                f"{output} was recorded with {name} {writer.extra.get(name)}, not {value}; choose another folder"
            )


def _record(writer: DatasetWriter, settings: DemonstrationSettings, episodes: int, workers: int) -> None:
    from so_arm.sim.demonstrations import demonstrations

    done = len(writer.notes)
    if done >= episodes:
        return
    source = demonstrations(settings, itertools.count(writer.extra["next_seed"]), workers)
    with progress_bar("recording", episodes, _tally(writer), done) as advance:
        try:
            for episode in source:
                with uninterrupted():
                    _keep(writer, episode)
                advance(len(writer.notes) - done, _tally(writer))
                done = len(writer.notes)
                if done >= episodes:
                    return
                _check_hopeless(writer)
        finally:
            source.close()


def _tally(writer: DatasetWriter) -> str:
    return f"episodes, {len(writer.extra['failed_seeds'])} failed"


def _keep(writer: DatasetWriter, episode: Demonstration) -> None:
    if episode.success:
        for tick in range(len(episode.action)):
            images = {camera: frames[tick] for camera, frames in episode.images.items()}
            writer.add_frame(episode.joint_position[tick], episode.action[tick], images)
    else:
        writer.extra["failed_seeds"].append(episode.seed)
    writer.extra["next_seed"] = episode.seed + 1
    if episode.success:
        steps = len(episode.action)
        writer.save_episode({"seed": episode.seed, "steps": steps, "reward": round(episode.reward, 6)})


def _check_hopeless(writer: DatasetWriter) -> None:
    failed = len(writer.extra["failed_seeds"])
    if failed >= 20 and failed > 9 * len(writer.notes):
        raise UserError(f"the expert failed {failed} times and succeeded {len(writer.notes)} times; lower --noise")


def _summary(output: Path, writer: DatasetWriter) -> dict[str, Any]:
    notes, extra = writer.notes, writer.extra
    return {
        "dataset": str(output),
        "episodes": len(notes),
        "frames": sum(note["steps"] for note in notes),
        "tried": len(notes) + len(extra["failed_seeds"]),
        **extra,
    }
