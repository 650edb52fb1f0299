"""Emulated servos: `emulated_servos.py PORT CORE`; says when they are there and ends with its standard input.

At the end it writes what it saw as JSON: every goal that differed from the one before, as [monotonic nanoseconds when
its bytes came, [id, ticks, id, ticks, ...]], and the emulator's counts.
"""

from __future__ import annotations

import gc
import json
import os
import struct
import sys
import time
from pathlib import Path

from so_arm.core.calibration_formats import read_calibration
from so_arm.core.paths import share_dir
from so_arm.core.poses import HOME_POSE
from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.emulator import Emulator
from so_arm.hardware.feetech.packets import Instruction, Packet
from so_arm.hardware.feetech.preset import servos_of

CALIBRATION = share_dir() / "calibration" / "example_follower.json"


def main() -> None:
    port, core = Path(sys.argv[1]), int(sys.argv[2])
    os.sched_setaffinity(0, {core})
    goals: list[tuple[int, bytes]] = []
    start = bytes((reg.GOAL_POSITION.address, reg.GOAL_POSITION.size))

    def on_request(packet: Packet) -> None:
        is_goal = packet.code == Instruction.SYNC_WRITE and packet.params[:2] == start
        if is_goal and (not goals or goals[-1][1] != packet.params):
            goals.append((time.monotonic_ns(), packet.params))

    servos = servos_of(read_calibration(CALIBRATION), HOME_POSE)
    with Emulator(servos, path=port, on_request=on_request) as emulator:
        gc.collect()
        gc.freeze()
        print("ready", flush=True)
        sys.stdin.read()
    seen = [(at_ns, struct.unpack("<" + "BH" * (len(params) // 3), params[2:])) for at_ns, params in goals]
    print(json.dumps({"goals": seen, "counts": emulator.counts}))


if __name__ == "__main__":
    main()
