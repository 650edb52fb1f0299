"""An emulated arm at rest where an episode begins: `emulated_arm.py PORT POSE`, POSE six angles [rad] as JSON.

Servos with MuJoCo behind them, nothing else in the scene than the table. Says when it is there, ends with its standard
input, and then writes the emulator's counts as JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from so_arm.core.calibration import nominal_calibration
from so_arm.hardware.feetech.emulator import Emulator
from so_arm.hardware.feetech.preset import servos_of
from so_arm.sim.arm import ArmSim, load_model
from so_arm.sim.servo_plant import ServoPlant


def main() -> None:
    pose, calibration = np.array(json.loads(sys.argv[2])), nominal_calibration()
    arm = ArmSim(load_model("scene"))
    arm.reset(pose)
    sys.setswitchinterval(0.0002)
    with Emulator(servos_of(calibration, pose), ServoPlant(arm, calibration), Path(sys.argv[1])) as emulator:
        print("ready", flush=True)
        sys.stdin.read()
    print(json.dumps({"counts": emulator.counts}))


if __name__ == "__main__":
    main()
