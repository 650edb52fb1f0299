"""Episodes through the node graph: starts a launch file and follows the results that its runner writes."""

from __future__ import annotations

import json
import os
import re
import socket
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from so_arm.cli.options import Hardware
from so_arm.cli.policy_images import image_size
from so_arm.cli.rollouts import Rollouts
from so_arm.core.episode import EpisodeResult
from so_arm.core.errors import UserError
from so_arm.core.paths import share_dir
from so_arm.launcher.arguments import check_assignments, declared_arguments
from so_arm.launcher.environment import ros_environment
from so_arm.launcher.output import Output
from so_arm.launcher.plan import make_plan
from so_arm.launcher.process import ProcessSpec
from so_arm.launcher.supervisor import Supervisor

LAUNCH_FILE = "episodes.launch.xml"
#: What a node logs once it can do its work: `[INFO] [time] [node]: ready`.
_READY = re.compile(r"\[(\w+)\]: ready\b")


def run_graph(
    rollouts: Rollouts,
    log: Path,
    on_episode: Callable[[EpisodeResult], None],
    *,
    lockstep: bool,
    hardware: Hardware = Hardware.mujoco,
    record_dir: Path | None = None,
    view: bool = False,
    on_ready: Callable[[str], None] = lambda node: None,
) -> list[EpisodeResult]:
    """Results in the order of the seeds; `on_episode` hears of each as it ends, `on_ready` of each node that is up.

    Every node is a process of its own. log: what they say goes there. record_dir: folder for one
    `core.episode_record` per episode. However this call ends, no process outlives it.
    """
    results: list[EpisodeResult] = []
    with tempfile.TemporaryDirectory(prefix="so_arm_graph_") as scratch, _LogFile(log, on_ready) as output:
        results_file = Path(scratch) / "results.jsonl"
        arguments = _arguments(rollouts, results_file, lockstep, record_dir, view)
        if hardware is Hardware.emulated:
            arguments |= _emulated_arguments(Path(scratch))
        follower = _Follower(results_file)
        with _running(arguments, Path(scratch), output) as supervisor:
            alive = True
            while alive:
                alive = supervisor.step()
                for result in follower.new():
                    results.append(result)
                    on_episode(result)
    if len(results) < rollouts.episodes:
        done = f"{len(results)} of {rollouts.episodes} episodes"
        reason = output.last_words.reason() or "no process failed"
        raise UserError(f"the graph ended after {done}: {reason} (all it said: {log})")
    return results


def _arguments(
    rollouts: Rollouts, results_file: Path, lockstep: bool, record_dir: Path | None, view: bool
) -> dict[str, str]:
    """Launch arguments; a path that is not given is the empty string, as in the launch file."""
    height, width = image_size(rollouts.policy)
    return {
        "task": rollouts.task,
        "policy_path": str(rollouts.policy),
        "residual_path": str(rollouts.residual or ""),
        "reward": rollouts.reward,
        "randomisation": rollouts.randomisation,
        "image_height": str(height),
        "image_width": str(width),
        "seed": str(rollouts.seed),
        "episodes": str(rollouts.episodes),
        "lockstep": str(lockstep).lower(),
        "results_file": str(results_file),
        "record_dir": str(record_dir or ""),
        "view": str(view).lower(),
    }


def _emulated_arguments(scratch: Path) -> dict[str, str]:
    """Servos and streams that no other run on this machine uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        streams_port = probe.getsockname()[1]
    return {
        "hardware_type": Hardware.emulated.value,
        "usb_port": str(scratch / "servos"),
        "streams_port": str(streams_port),
    }


@contextmanager
def _running(arguments: dict[str, str], scratch: Path, output: Output) -> Iterator[Supervisor]:
    file = share_dir() / "launch" / LAUNCH_FILE
    environment = ros_environment(os.environ)
    check_assignments(arguments, declared_arguments(file, environment, arguments), file)
    supervisor = Supervisor(make_plan(file, arguments, environment, scratch), output, scratch)
    try:
        supervisor.start()
        yield supervisor
    finally:
        supervisor.close()


class _Follower:
    """Reads the lines that are added to a JSON-lines file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0  # bytes

    def new(self) -> Iterator[EpisodeResult]:
        """Results of the complete lines since the last call."""
        if not self._path.exists():
            return
        with self._path.open("rb") as lines:
            lines.seek(self._read)
            for line in lines:
                if not line.endswith(b"\n"):
                    return
                self._read += len(line)
                yield EpisodeResult.from_dict(json.loads(line))


class _LogFile(Output):
    """Everything that the processes say, in one file; `on_ready` gets the name of each node that says it is ready."""

    def __init__(self, path: Path, on_ready: Callable[[str], None]) -> None:
        super().__init__()
        self._path = path
        self._file: TextIO | None = None
        self._on_ready = on_ready
        self._are_ready: set[str] = set()

    def __enter__(self) -> _LogFile:
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
