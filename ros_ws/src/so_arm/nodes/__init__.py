"""One thin file per ROS node."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path


def _is_node_program() -> bool:
    """True when this process is one of our nodes: its console script, or ``python -m so_arm.nodes.<node>``."""
    program = Path(sys.argv[0])
    return sys.argv[0] == "-m" or (Path(__file__).with_name(f"{program.stem}.py").is_file() and program.suffix != ".py")


# Ctrl-C while a node still imports its libraries ends it like Ctrl-C later on: quietly. A KeyboardInterrupt would come
# out of those imports as any kind of ImportError. `runtime.run` puts Python's own handler back.
if _is_node_program():
    signal.signal(signal.SIGINT, lambda *_: os._exit(0))
