"""The recorder node, and the CPU seconds it took from being ready on: `measured_recorder.py NODE_ARGUMENTS`.

Ends with its standard input.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time

from so_arm.nodes import recorder


def main() -> None:
    begun_s = 0.0
    setup = recorder.Recorder.setup

    def announced(node: recorder.Recorder) -> None:
        nonlocal begun_s
        setup(node)
        begun_s = time.process_time()
        print("ready", flush=True)

    def end() -> None:
        sys.stdin.read()
        print(json.dumps({"cpu_s": time.process_time() - begun_s}), flush=True)
        os.kill(os.getpid(), signal.SIGINT)

    recorder.Recorder.setup = announced  # type: ignore[method-assign]
    threading.Thread(target=end, daemon=True).start()
    sys.argv = ["recorder", *sys.argv[1:]]
    recorder.main()


if __name__ == "__main__":
    main()
