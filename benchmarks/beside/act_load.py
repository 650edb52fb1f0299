"""ACT inference over and over on one core: `act_load.py POLICY CORE`; says when it began, ends with its standard input.

At the end it writes as JSON how many chunks it made, and how long one took [ms].
"""

from __future__ import annotations

import json
import os
import sys
import threading
import time
from pathlib import Path


def main() -> None:
    folder, core = Path(sys.argv[1]), int(sys.argv[2])
    os.sched_setaffinity(0, {core})
    import numpy as np
    import torch

    from so_arm.core.joints import NUM_JOINTS
    from so_arm.learning.act.policy import ActPolicy

    torch.set_num_threads(1)
    policy = ActPolicy.load(folder)
    images = {name: np.zeros((*policy.image_size(name), 3), np.uint8) for name in policy.camera_names}
    policy.predict(np.zeros(NUM_JOINTS), images)
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    print("ready", flush=True)
    begun, chunks = time.perf_counter(), 0
    while not ended.is_set():
        policy.predict(np.zeros(NUM_JOINTS), images)
        chunks += 1
    took_s = time.perf_counter() - begun
    print(json.dumps({"chunks": chunks, "chunk_ms": 1e3 * took_s / max(1, chunks)}))


if __name__ == "__main__":
    main()
