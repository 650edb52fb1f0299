"""The motor_driver node, noting when each command came in: `timed_driver.py CORE NODE_ARGUMENTS`.

Ends with its standard input; at the end it writes as JSON the monotonic nanoseconds at which its callback was called
with each command, before it did anything with it.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from typing import Any

from sensor_msgs.msg import JointState

from so_arm.nodes import motor_driver


def main() -> None:
    os.sched_setaffinity(0, {int(sys.argv[1])})
    received_ns: list[int] = []
    on_command = motor_driver.MotorDriver._on_command

    def timed(node: Any, message: JointState) -> None:
        received_ns.append(time.monotonic_ns())
        on_command(node, message)

    motor_driver.MotorDriver._on_command = timed

    def end() -> None:
        sys.stdin.read()
        print(json.dumps({"received_ns": received_ns}), flush=True)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=end, daemon=True).start()
    print("ready", flush=True)
    sys.argv = ["motor_driver", *sys.argv[2:]]
    motor_driver.main()


if __name__ == "__main__":
    main()
