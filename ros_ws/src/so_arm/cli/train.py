"""`so-arm train`: LeRobot ACT on a dataset, with progress, checkpoints and exact resume."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from so_arm.cli.options import JsonOption
from so_arm.cli.output import console, run_directory, write_json
from so_arm.core.errors import UserError
from so_arm.core.provenance import provenance

if TYPE_CHECKING:
    from so_arm.data.training_arrays import TrainingArrays
    from so_arm.learning.act.train import TrainingRun


def register(app: typer.Typer) -> None:
    app.command("train")(train)


def train(
    dataset: Annotated[Path | None, typer.Option(metavar="DIR", help="LeRobot v3 dataset to learn from.")] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="DIR", help="New folder for this run.", show_default=False)
    ] = None,
    resume: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Go on exactly where the run in this folder stopped.")
    ] = None,
    steps: Annotated[int | None, typer.Option(min=1, help="Length of the run in optimiser steps.")] = None,
    minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Length in minutes of training. [default: 60]")
    ] = None,
    batch_size: Annotated[int, typer.Option(min=1, help="Samples per step.")] = 48,
    learning_rate: Annotated[float, typer.Option(min=1e-7, max=0.1, help="Peak of the cosine schedule.")] = 3e-4,
    chunk_size: Annotated[int, typer.Option(min=1, max=1000, help="Actions per chunk.")] = 50,
    shift: Annotated[int, typer.Option(min=0, max=64, help="Random image shift, at most [px].")] = 3,
    colour_jitter: Annotated[float, typer.Option(min=0.0, max=0.9, help="Random gain per colour channel.")] = 0.1,
    norm: Annotated[str, typer.Option(help="ResNet normalisation while training: batch or frozen.")] = "batch",
    seed: Annotated[int, typer.Option(min=0, help="Seed of weights, order and augmentation.")] = 0,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    precision: Annotated[str, typer.Option(help="auto, fp32 or bf16.")] = "auto",
    threads: Annotated[int | None, typer.Option(min=1, help="CPU cores to train on. [default: all]")] = None,
    checkpoint_minutes: Annotated[float, typer.Option(min=0.1, help="Minutes between checkpoints.")] = 10.0,
    json_file: JsonOption = None,
) -> None:
    """Train a LeRobot ACT policy; the result is a plain LeRobot policy directory, `RUN/policy`.

    Ctrl-C saves and stops; `so-arm train --resume RUN` goes on.
    """
    import torch

    from so_arm.learning.act.settings import TrainSettings
    from so_arm.learning.act.train import TrainingRun, load_run

    _check_device(device)
    cores = threads or len(os.sched_getaffinity(0))
    torch.set_num_threads(1 if device == "cpu" else cores)  # on a CPU each core works on its own share of the batch
    if resume is not None:
        if dataset is not None or output is not None:
            raise UserError("--resume takes dataset and folder from the run; leave out --dataset and --output")
        settings, source = load_run(resume)
        folder = resume
    else:
        if dataset is None:
            raise UserError("--dataset DIR is missing (make one with: so-arm demos --output DIR)")
        if steps is None and minutes is None:
            minutes = 60.0
        source = dataset
        settings = TrainSettings(
            steps=steps,
            minutes=minutes,
            batch_size=batch_size,
            learning_rate=learning_rate,
            chunk_size=chunk_size,
            shift_px=shift,
            colour_jitter=colour_jitter,
            backbone_norm=norm,
            seed=seed,
            precision=precision,
        )
    arrays = _load(source)
    if resume is None:
        folder = run_directory(output, "train", settings.to_dict() | {"dataset": str(source)})
    run = TrainingRun(folder, source, arrays, settings, device, cores if device == "cpu" else 1, checkpoint_minutes)
    if resume is not None:
        run.resume()
    policy, last = _watch(run, folder)
    write_json(json_file, {"policy": str(policy), **last, "settings": settings.to_dict(), "made_by": provenance()})
    console(json_file).print(f"policy: {policy}  (judge it: so-arm eval --policy {policy})", soft_wrap=True)


def _check_device(device: str) -> None:
    import torch

    from so_arm.core.errors import choice_error

    if device not in ("cpu", "cuda"):
        raise choice_error("device", device, ("cpu", "cuda"))
    if device == "cuda" and not torch.cuda.is_available():
        raise UserError("device cuda: this machine has no usable CUDA device; use --device cpu")


def _load(source: Path) -> TrainingArrays:
    from so_arm.data.training_arrays import load_training_arrays

    said = console(Path("-"))

    def progress(camera: str, done: int, total: int) -> None:
        said.print(f"decoding {camera}: {done} of {total} frames")

    arrays = load_training_arrays(source, progress)
    said.print(f"{source}: {len(arrays.episode_start)} episodes, {len(arrays)} frames", soft_wrap=True)
    return arrays


def _watch(run: TrainingRun, folder: Path) -> tuple[Path, dict[str, Any]]:
    """Train with a progress bar; returns the policy folder and the last report."""
    from rich.progress import Progress, TaskProgressColumn, TextColumn

    from so_arm.cli.progress_bar import LogLines, flexible_bar
    from so_arm.learning.act.train import Report

    columns = (
        TextColumn("training"),
        flexible_bar(),
        TaskProgressColumn(),
        TextColumn("step {task.fields[step]}  {task.fields[pace]}"),
        TextColumn("left: {task.fields[left]}"),
    )
    last: dict[str, Any] = {}
    said = console(Path("-"))
    lines = LogLines(said)
    said.print(f"run folder: {folder}", soft_wrap=True)
    with Progress(*columns, console=said) as progress:
        bar = progress.add_task("", total=1.0, step=run.trainer.step, pace="", left="?")

        def show(report: Report) -> None:
            last.update(report.__dict__)
            left = "?" if report.remaining_s is None else f"{max(report.remaining_s, 0.0) / 60:.1f} min"
            pace = f"loss {report.loss:.4f}  {report.steps_per_s:.2f} steps/s"
            progress.update(bar, completed=report.progress, step=report.step, pace=pace, left=left)
            lines.say(f"training: step {report.step}, {pace}, left: {left}")

        try:
            policy = run.run(show)
        except KeyboardInterrupt:
            said.print(f"saved at step {run.trainer.step}; go on with: so-arm train --resume {folder}", soft_wrap=True)
            raise
    return policy, last
