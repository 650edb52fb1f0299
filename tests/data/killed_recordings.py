"""Records into one dataset, is killed at a random moment, looks at what is left, and goes on: `killed_recordings.py
DATASET TIMES SEED`. Prints a line of JSON per time, and one at the end.

Recordings and looks are forks of this process, which has LeRobot imported.
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from ingest import wired  # beside this script
from lerobot.datasets import LeRobotDataset

from so_arm.data.dataset_check import check
from so_arm.data.dataset_schema import recording_columns
from so_arm.data.dataset_writer import DatasetWriter
from so_arm.data.ingest.episode_ingest import EpisodeIngest
from so_arm.data.ingest.episode_saver import EpisodeSaver
from so_arm.data.ingest.settings import RecordingSettings

CAMERAS = ("static", "wrist")
SETTINGS = RecordingSettings(30, CAMERAS, reward=True)
STEPS = 12


def _record(root: Path, out: int, episodes: int = sys.maxsize) -> None:
    """A byte to `out` when the writer is open, and one per episode that is on disk."""
    with DatasetWriter(root, dict.fromkeys(CAMERAS), 30, "Go.", 1, recording_columns(SETTINGS.reward)) as writer:
        saver = EpisodeSaver(writer, SETTINGS, lambda _: os.write(out, b"e"))
        ingest = EpisodeIngest(SETTINGS, saver.row, saver.end)
        os.write(out, b"r")
        first = len(writer.notes) + 1
        for number in range(first, first + episodes):
            start = wired.START_NS + number * 2 * wired.SECOND_NS
            for topic, raw in wired.lockstep_episode(STEPS, number, CAMERAS, start_ns=start):
                ingest.feed(topic, raw)


def _look(root: Path, out: int) -> None:
    """What plain LeRobot finds, without any repair."""
    if not (root / "meta" / "info.json").exists():
        os.write(out, b"0 0")
        return
    found = LeRobotDataset("local/set", root=root, video_backend="pyav")
    for frame in {0, len(found) - 1}:
        assert np.isfinite(found[frame]["observation.state"].numpy()).all()
        assert int(found[frame]["episode_index"]) == frame // STEPS
    os.write(out, f"{found.meta.total_episodes} {len(found)}".encode())


def _forked(work: Callable[[Path, int], None], root: Path) -> tuple[int, int]:
    """Process and the reading end of what it writes."""
    reading, writing = os.pipe()
    process = os.fork()
    if process:
        os.close(writing)
        return process, reading
    os.close(reading)
    code = 1
    try:
        work(root, writing)
        code = 0
    finally:
        os._exit(code)


def _read_all(reading: int) -> bytes:
    with os.fdopen(reading, "rb") as stream:
        return stream.read()


def main() -> None:
    root, times = Path(sys.argv[1]), int(sys.argv[2])
    chance = random.Random(int(sys.argv[3]))
    # What is slow at the first time only is done before, so that the forks begin at once.
    _record(root, os.open(os.devnull, os.O_WRONLY), 2)
    begun = time.monotonic()
    _record(root, os.open(os.devnull, os.O_WRONLY), 2)
    episode_s = (time.monotonic() - begun) / 2
    _look(root, os.open(os.devnull, os.O_WRONLY))
    on_disk = 4
    for _ in range(times):
        process, reading = _forked(_record, root)
        assert os.read(reading, 1) == b"r", "the writer opened"
        begun = time.monotonic()
        time.sleep(chance.uniform(0.0, 2.0 * episode_s))
        delay = time.monotonic() - begun
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)
        on_disk += _read_all(reading).count(b"e")
        process, reading = _forked(_look, root)
        text = _read_all(reading).decode()
        assert os.waitpid(process, 0)[1] == 0, "LeRobot reads it"
        episodes, frames = map(int, text.split())
        print(json.dumps({"after_s": round(delay, 3), "told": on_disk, "episodes": episodes, "frames": frames}))
        on_disk = episodes  # one that was finished and not yet told may be there
    list(
        DatasetWriter(root, dict.fromkeys(CAMERAS), 30, "Go.", 1, recording_columns(SETTINGS.reward)).__enter__().notes
    )
    found = check(root)
    print(json.dumps({"episodes": found.episodes, "problems": found.problems}))


if __name__ == "__main__":
    main()
