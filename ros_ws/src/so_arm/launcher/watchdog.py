"""Ends the processes of a launch when the runner itself is gone, even by SIGKILL.

Run as a program of its own (standard library only, no imports from this package). It reads ``+GROUP`` and ``-GROUP``
lines, one per process group started and ended, from standard input, which closes when the runner dies. The groups
left then get SIGINT, SIGTERM and SIGKILL, the given times apart. Then the runner's scratch folder is removed, unless
the runner said that it has come to its end and does that itself.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
import time

#: Last line of a runner that ends in order.
ALL_IS_WELL = "all is well"


def main() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # what stops the runner must not stop the one who cleans up after it
    groups: set[int] = set()
    orderly = False
    for line in sys.stdin:
        if line.rstrip() == ALL_IS_WELL:
            orderly = True
            continue
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
    if not orderly:
        shutil.rmtree(sys.argv[3], ignore_errors=True)


def send(group: int, number: int) -> bool:
    """Signal a process group; False when it has no member any more."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


if __name__ == "__main__":
    main()
