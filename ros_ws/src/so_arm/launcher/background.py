"""Processes beside this one that end when it is done with them."""

from __future__ import annotations

import json
import select
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

from so_arm.core.interrupt import uninterrupted

_PATIENCE_S = 10.0


@contextmanager
def running(commands: Sequence[Sequence[str]], environment: Mapping[str, str]) -> Iterator[None]:
    """All `commands` at once, without their standard output; none of them outlives the block."""
    with ExitStack() as started:
        for command in commands:
            with uninterrupted():  # a process that has begun and is not yet known here would be left behind
                started.callback(_end, subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL))
        yield


@contextmanager
def reporting(
    command: Sequence[str], environment: Mapping[str, str], start_s: float = 120.0
) -> Iterator[Callable[[], dict[str, Any]]]:
    """`command`, which writes a line once it works, and at the end of its standard input what it found as JSON.

    Gives what ends it and returns what it found.
    """
    with ExitStack() as started:
        with uninterrupted():
            process = subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            assert process.stdin is not None and process.stdout is not None
            started.enter_context(process.stdout)
            started.callback(_end, process)
            started.callback(process.stdin.close)
        if not select.select((process.stdout,), (), (), start_s)[0] or not process.stdout.readline():
            raise RuntimeError(f"{command[1]} did not begin within {start_s:.0f} s (exit code {process.poll()})")

        def finish() -> dict[str, Any]:
            found, _ = process.communicate(timeout=start_s)
            if not found:
                raise RuntimeError(f"{command[1]} ended before its time (exit code {process.returncode})")
            result: dict[str, Any] = json.loads(found)
            return result

        yield finish


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
