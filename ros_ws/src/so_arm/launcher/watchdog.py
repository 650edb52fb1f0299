"""Ends the processes of a launch when the runner itself is gone, even by SIGKILL.

Run as a program of its own (standard library only, no imports from this package). It reads ``+GROUP`` and ``-GROUP``
lines, one per process group started and ended, from standard input, which closes when the runner dies. The groups
left then get SIGINT, SIGTERM and SIGKILL, the given times apart.
"""

from __future__ import annotations

import os
import signal
import sys
import time


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # what stops the runner must not stop the one who cleans up after it
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            groups.add(group)
        else:
            groups.discard(group)
    for number, patience_s in ((signal.SIGINT, float(sys.argv[1])), (signal.SIGTERM, float(sys.argv[2]))):
        groups = {group for group in groups if send(group, number)}
        deadline = time.monotonic() + patience_s
        while groups and time.monotonic() < deadline:
            time.sleep(0.05)
            groups = {group for group in groups if send(group, 0)}
    for group in groups:
        send(group, signal.SIGKILL)


def send(group: int, number: int) -> bool:
    """Signal a process group; False when it has no member any more."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
