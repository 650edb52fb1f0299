"""Where a result comes from: command, time, code version and machine, to be stored beside it."""

from __future__ import annotations

import os
import platform
import shlex
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


def provenance(arguments: list[str] | None = None) -> dict[str, Any]:
    """Keys `command, date, version, git_revision, machine`; `arguments` default to those of this process."""
    words = sys.argv[1:] if arguments is None else arguments
    return {
        "command": shlex.join(["so-arm", *words]),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": _version(),
        "git_revision": git_revision(),
        "machine": machine(),
    }


def machine() -> dict[str, Any]:
    """The computer in words: operating system, processor and the number of cores this process may use."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
    }


def git_revision() -> str | None:
    """Revision of the checkout this code runs from (`-dirty` with changes to tracked files), None outside of one."""
    folder = Path(__file__).resolve().parent
    command = ["git", "-C", str(folder), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def _version() -> str:
    try:
        return version("so_arm")
    except PackageNotFoundError:
        return "unknown"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next(
        (line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.processor()
    )
