"""A launch file run by a command of ours: its processes, and everything they say in one file."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from so_arm.core.files import creating
from so_arm.core.paths import share_dir
from so_arm.launcher.arguments import check_assignments, declared_arguments
from so_arm.launcher.environment import ros_environment
from so_arm.launcher.output import Output
from so_arm.launcher.plan import make_plan
from so_arm.launcher.process import ProcessSpec
from so_arm.launcher.supervisor import Supervisor

#: What a node logs once it can do its work: `[INFO] [time] [node]: ready`.
_READY = re.compile(r"\[(\w+)\]: ready\b")


@contextmanager
def running_graph(launch_file: str, arguments: dict[str, str], scratch: Path, output: Output) -> Iterator[Supervisor]:
    """The processes of `launch_file` (in launch/); however the block ends, none of them outlives it."""
    file = share_dir() / "launch" / launch_file
    environment = ros_environment(os.environ)
    check_assignments(arguments, declared_arguments(file, environment, arguments), file)
    supervisor = Supervisor(make_plan(file, arguments, environment, scratch), output, scratch)
    try:
        supervisor.start()
        yield supervisor
    finally:
        supervisor.close()


class GraphLog(Output):
    """Everything that the processes say, in one file; `on_ready` gets the name of each node that says it is ready."""

    def __init__(self, path: Path, on_ready: Callable[[str], None] = lambda node: None) -> None:
        super().__init__()
        self._path = path
        self._file: TextIO | None = None
        self._on_ready = on_ready
        self._are_ready: set[str] = set()

    def __enter__(self) -> GraphLog:
        with creating(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("w", encoding="utf-8")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._file is not None
        with suppress(OSError):  # a full disk: the log is lost, the results are not
            self._file.close()

    def stdout(self, spec: ProcessSpec, line: str) -> None:
        self._line(f"[{spec.label}] {line}")

    def stderr(self, spec: ProcessSpec, line: str) -> None:
        self.last_words.hear(spec.label, line)
        self._line(f"[{spec.label}] {line}")
        if (said := _READY.search(line)) and said[1] not in self._are_ready:
            self._are_ready.add(said[1])
            self._on_ready(said[1])

    def note(self, message: str, source: str = "launch") -> None:
        self._line(f"[INFO] [{source}]: {message}")

    def error(self, message: str, source: str = "launch") -> None:
        self._line(f"[ERROR] [{source}]: {message}")

    def close(self) -> None:
        """The supervisor is done with it; `with` closes the file."""

    def _line(self, line: str) -> None:
        assert self._file is not None
        with suppress(OSError):
            print(line, file=self._file, flush=True)
