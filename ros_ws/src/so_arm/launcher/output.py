"""What a launch shows: each line behind the label of its process, the rest in a log file."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import TextIO

from so_arm.launcher.last_words import LastWords
from so_arm.launcher.process import ProcessSpec


class Output:
    """Standard output and error of the processes on ours; standard output of those with output="log" into a file."""

    def __init__(self) -> None:
        self.last_words = LastWords()
        self._log: TextIO | None = None

    def stdout(self, spec: ProcessSpec, line: str) -> None:
        target = sys.stdout if spec.stdout_on_screen else self._log_file()
        _write(target, f"[{spec.label}] {line}")

    def stderr(self, spec: ProcessSpec, line: str) -> None:
        self.last_words.hear(spec.label, line)
        _write(sys.stderr, f"[{spec.label}] {line}")

    def note(self, message: str, source: str = "launch") -> None:
        """A line of the runner itself."""
        _write(sys.stderr, f"[INFO] [{source}]: {message}")

    def error(self, message: str, source: str = "launch") -> None:
        _write(sys.stderr, f"[ERROR] [{source}]: {message}")

    def verdict(self) -> None:
        """Repeat at the end, in one line, why the launch failed."""
        if reason := self.last_words.reason():
            _write(sys.stderr, f"error: {reason}")

    def close(self) -> None:
        if self._log is not None:
            self._log.close()

    def _log_file(self) -> TextIO:
        """Opened with the first line for it, where ROS 2 keeps its logs."""
        if self._log is None:
            home = Path(os.environ.get("ROS_HOME") or Path.home() / ".ros")
            folder = Path(os.environ.get("ROS_LOG_DIR") or home / "log")
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"launch-{datetime.now():%Y-%m-%d-%H-%M-%S}-{os.getpid()}.log"
            self._log = path.open("w", encoding="utf-8")
            self.note(f'standard output of processes with output="log" goes to {path}')
        return self._log


def _write(target: TextIO, line: str) -> None:
    """A reader that has gone away or a full disk must not keep the runner from ending its processes."""
    with suppress(OSError):
        print(line, file=target, flush=True)
