"""``so-arm view``: an episode or a bag in the Rerun viewer, or as a file for it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from so_arm.cli.output import check_folder, console
from so_arm.cli.progress_bar import progress_bar

SUFFIX = ".rrd"


def register(app: typer.Typer) -> None:
    app.command("view")(view)


def view(
    recording: Annotated[
        Path,
        typer.Argument(metavar="DATASET|BAG", help="LeRobot dataset (v3), bag (MCAP or sqlite3), or a file of --save."),
    ],
    episode: Annotated[
        int | None, typer.Option(min=0, show_default="0", help="Number of the episode of a dataset.")
    ] = None,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.rrd", show_default=False, help="Write a file for the viewer in place of opening it."
        ),
    ] = None,
) -> None:
    """Look at an episode or a bag in the Rerun viewer: images, joints by name, rewards and marks over time.

    Nothing is sent over the network: the viewer's usage report is switched off.
    """
    _check_target(save)
    if save is not None:
        _write(recording, episode, save)
        size_mb = save.stat().st_size / 1e6
        console().print(f"{save}: {size_mb:.1f} MB; to look at it: so-arm view {save}", markup=False, soft_wrap=True)
        return
    if recording.is_file() and recording.suffix == SUFFIX:
        _open_viewer(recording)
        return
    with tempfile.TemporaryDirectory(prefix="so_arm_view_") as scratch:
        file = Path(scratch) / f"{recording.absolute().name}{SUFFIX}"
        _write(recording, episode, file)
        _open_viewer(file)


def _check_target(save: Path | None) -> None:
    from so_arm.core.errors import UserError

    if save is None:
        if not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")) and sys.platform == "linux":
            raise UserError(f"there is no display to open the viewer on; write a file with --save FILE{SUFFIX}")
        return
    if save.suffix != SUFFIX:
        raise UserError(f"--save {save}: the name must end in {SUFFIX}")
    if save.exists():
        raise UserError(f"--save {save} exists already; choose another name, or move it away")
    check_folder(save.parent, "--save")


def _write(recording: Path, episode: int | None, target: Path) -> None:
    from so_arm.core.errors import UserError
    from so_arm.core.files import replacing

    if not recording.exists():
        raise UserError(f"{recording} does not exist")
    with replacing(target) as file:
        if (recording / "meta").is_dir():
            notes = _write_dataset(recording, episode or 0, file)
        elif episode is not None:
            raise UserError(f"--episode: {recording} is no LeRobot dataset, and a bag is shown whole")
        else:
            notes = _write_bag(recording, file)
    for note in notes:
        console().print(f"note: {note}", markup=False, soft_wrap=True)


def _write_dataset(root: Path, number: int, file: Path) -> list[str]:
    from so_arm.analysis.rerun_view import write_episode
    from so_arm.data.exchange.lerobot_source import LeRobotSource

    source = LeRobotSource(root)
    episode = source.episode(number)
    with progress_bar(f"episode {number}", len(episode), "frames") as advance:
        write_episode(file, f"{root.absolute().name}, episode {number}", source.layout, episode, advance)
    return source.warnings


def _write_bag(path: Path, file: Path) -> list[str]:
    from so_arm.analysis.rerun_bag import SHOWN, write_bag
    from so_arm.data.bags.reader import open_bag

    with open_bag(path) as bag:
        total = sum(topic.count for topic in bag.topics.values() if topic.type in SHOWN)
        with progress_bar("bag", total, "messages") as advance:
            return write_bag(file, bag, advance)


def _open_viewer(file: Path) -> None:
    """Until its window is closed. It listens to this machine only, and fetches no welcome page."""
    from so_arm.analysis.rerun_file import without_analytics
    from so_arm.core.errors import UserError

    options = ["--bind", "127.0.0.1", "--hide-welcome-screen"]
    code = subprocess.run([sys.executable, "-m", "rerun", str(file), *options], env=without_analytics()).returncode
    if code > 0:
        raise UserError(f"the Rerun viewer ended with code {code}; write a file with --save FILE{SUFFIX}")
