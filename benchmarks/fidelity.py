"""How much the emulated arm moves like a real one: a real episode replayed, RMS of recorded - emulated per joint.

The recorded commands go to the motor driver at their recorded times, over the bus to emulated servos with MuJoCo behind
them; the states it reads are compared with the recorded ones at the recorded times. `ratio` is the worst of the first
five joints in degrees. See docs/fidelity.md.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from so_arm.core.calibration import nominal_calibration
from so_arm.core.clock import date_ns, date_of
from so_arm.core.errors import UserError
from so_arm.core.following import at_times, following, rms_deg
from so_arm.core.joints import GRIPPER, JOINT_NAMES
from so_arm.core.paths import share_dir
from so_arm.core.playback import Playback, approach, play
from so_arm.data.recorded_episode import RecordedEpisode, read_episode
from so_arm.hardware.driver.driver import ArmDriver
from so_arm.hardware.driver.sample import ArmState
from so_arm.hardware.driver.settings import LIMP, DriverSettings
from so_arm.hardware.driver.status import Mode
from so_arm.launcher.background import reporting

TARGET_DEG = 1.0
BODY = slice(0, GRIPPER)
BESIDE = Path(__file__).parent / "beside"
#: Beside the checkout, where the tests look for it too.
DATASET = share_dir().parent / "shared" / "data" / "so100_lego_bin_v30_nocam"
APPROACH_RAD_S, REST_S = 0.3, 1.0
#: A busy machine may keep driver or emulator waiting until the driver holds the arm: such a round says nothing.
MOST_DISTURBED = 3
#: The driver gets so many commands before it is expected to follow.
FIRST_COMMANDS = 10


class Disturbed(Exception):
    """The driver did something else than following."""


def run(quick: bool) -> dict[str, Any]:
    """`ratio`: RMS of the worst body joint [degrees], median of the rounds."""
    if not DATASET.is_dir():
        raise UserError(f"the recorded episode is not here: {DATASET} (real recordings do not travel with the package)")
    episode = read_episode(DATASET, 0)
    rounds, disturbed = ([replay(episode, strict=False)], []) if quick else _rounds(episode, 5)
    measured = np.median([found for found, _ in rounds], axis=0)
    followed = following(episode.time_s, episode.action, measured, BODY)
    recorded = following(episode.time_s, episode.action, episode.state, BODY)
    per_round = [rms_deg(episode.state - found) for found, _ in rounds]
    per_joint = np.median(per_round, axis=0)
    half = len(episode) // 2
    worst = float(per_joint[BODY].max())
    return {
        "name": "fidelity",
        "ratio": worst,
        "target": TARGET_DEG,
        "passed": worst <= TARGET_DEG,
        "worst_joint": JOINT_NAMES[int(per_joint[BODY].argmax())],
        **{f"{name}_deg": value for name, value in _named(per_joint).items()},
        "rms_deg_first_half": _named(rms_deg((episode.state - measured)[:half])),
        "rms_deg_second_half": _named(rms_deg((episode.state - measured)[half:])),
        "mean_deg": _named(np.degrees(episode.state - measured).mean(axis=0)),
        "rms_deg_per_round": [_named(values) for values in per_round],
        "lag_ms": 1e3 * followed.lag_s,
        "recorded_lag_ms": 1e3 * recorded.lag_s,
        "beside_commands_deg": _named(followed.rms_after_lag_deg),
        "recorded_beside_commands_deg": _named(recorded.rms_after_lag_deg),
        "frames": len(episode),
        "rounds": len(rounds),
        "disturbed_rounds": disturbed,
        "driver_counts": rounds[-1][1],
        "load_average": os.getloadavg()[0],
    }


def _rounds(episode: RecordedEpisode, wanted: int) -> tuple[list[tuple[np.ndarray, dict[str, int]]], list[str]]:
    """What `replay` gave, and why other rounds were thrown away."""
    rounds: list[tuple[np.ndarray, dict[str, int]]] = []
    disturbed: list[str] = []
    while len(rounds) < wanted:
        try:
            rounds.append(replay(episode, strict=True))
        except Disturbed as reason:
            disturbed.append(str(reason))
            if len(disturbed) > MOST_DISTURBED:
                raise UserError(f"this machine is too busy for a replay in real time: {reason}") from None
    return rounds, disturbed


def replay(episode: RecordedEpisode, strict: bool) -> tuple[np.ndarray, dict[str, int]]:
    """Positions (T, 6) [rad] of the emulated arm at the recorded times, and what the driver counted.

    strict: Disturbed, once the driver does something else than following.
    """
    seen: list[ArmState] = []
    with tempfile.TemporaryDirectory() as folder:
        port = str(Path(folder) / "port")
        pose = json.dumps(episode.state[0].tolist())
        with reporting([sys.executable, str(BESIDE / "emulated_arm.py"), port, pose], os.environ) as finish:
            # The recorder sent its goals as they are; between commands nothing is to be smoothed here either.
            settings = DriverSettings(port, fps=DriverSettings.rate, on_exit=LIMP)
            driver = ArmDriver(settings, nominal_calibration(), seen.append)
            driver.start()
            try:
                began_ns = _play(driver, episode, seen, strict)
            finally:
                driver.close()
            finish()
    # The recorder reads first and sends then, so what was read just before a command counts.
    stamp_s = np.array([state.stamp_ns - began_ns for state in seen]) / 1e9
    return at_times(stamp_s, np.array([state.position for state in seen]), episode.time_s), driver.status().counts


def _play(driver: ArmDriver, episode: RecordedEpisode, seen: list[ArmState], strict: bool) -> int:
    """Returns when the recording began, on the clock of the states' stamps [ns]."""
    deadline = time.monotonic() + 5.0
    while len(seen) < 10:
        if time.monotonic() > deadline:
            raise RuntimeError(f"the driver reads no states: {driver.status().text}")
        time.sleep(0.01)
    first = approach(
        seen[-1].position,
        episode.state[0],
        episode.action[0],
        velocity=APPROACH_RAD_S,
        period_s=1 / episode.fps,
        rest_s=REST_S,
    )
    sent = 0

    def command(position: np.ndarray) -> None:
        nonlocal sent
        if strict and sent > FIRST_COMMANDS and driver.logic.mode is not Mode.FOLLOWING:
            raise Disturbed(f"command {sent}: {driver.logic.mode}, {driver.status().text}")
        driver.command(position, date_ns())
        sent += 1

    offset_ns = date_of(0)
    play(first, command)
    began_s = play(Playback(episode.time_s, episode.action), command)
    time.sleep(0.1)
    return round(began_s * 1e9) + offset_ns


def _named(values: Any) -> dict[str, float]:
    return {name: round(float(value), 3) for name, value in zip(JOINT_NAMES, values, strict=True)}
