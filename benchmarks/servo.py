"""State of six servos and goals to them: cycles per second against what the wire allows, with ACT running beside.

The servos are emulated, in a process of their own, and answer when a real wire would have carried the answer. One
cycle is a full-state sync read (15 bytes of each servo: all six quantities) and a goal sync write. LeRobot's own bus
does the same on the same emulator in turn with ours: one register at a time, as its interface has it. Then the motor
driver's own loop runs at 200 Hz and counts its missed deadlines.
"""

from __future__ import annotations

import gc
import math
import os
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from so_arm.core.calibration_formats import read_calibration
from so_arm.core.clock import date_ns
from so_arm.core.joints import JOINT_NAMES
from so_arm.core.paths import share_dir
from so_arm.core.poses import HOME_POSE
from so_arm.hardware.driver.driver import ArmDriver
from so_arm.hardware.driver.settings import HOLD, DriverSettings
from so_arm.hardware.feetech.bus import ARM_IDS, FeetechBus
from so_arm.hardware.feetech.losses import PAUSE_S
from so_arm.hardware.feetech.packets import OVERHEAD, wire_time_s
from so_arm.hardware.feetech.state import STATE_SIZE
from so_arm.launcher.background import reporting

TARGET = 0.90
BAUD, RETRIES = 1_000_000, 2
RETURN_DELAY_S = 0.0  # what both drivers set: register Return_Delay_Time 0
RATE_HZ, COMMAND_HZ = 200.0, 30.0
CALIBRATION = share_dir() / "calibration" / "example_follower.json"
POLICY = share_dir() / "models" / "act_pick_place"
BESIDE = Path(__file__).parent / "beside"
SIX = ("Position", "Velocity", "Load", "Voltage", "Temperature", "Current")
SIZES = {"Voltage": 1, "Temperature": 1}  # of the others 2
MISS = "a cycle that had not begun when it was due because the one before was not over (Deadlines.missed)"
Cycle = Callable[[], bool]  # whether all servos answered


class Cores(NamedTuple):
    """Ours and the emulator's may be one: they work in turn."""

    driver: int
    emulator: int
    act: int


class Side(NamedTuple):
    """open: gives what does one cycle. wire_s: what its bytes take."""

    open: Callable[[str], AbstractContextManager[Cycle]]
    wire_s: float
    seconds: float


class Taken(NamedTuple):
    """Seconds of every cycle, those that ended without an answer included, and how many of these there were."""

    seconds: list[float]
    incomplete: int


def run(quick: bool) -> dict[str, Any]:
    """`ratio` is the mean rate of our cycles / the rate at which the wire would be busy all the time."""
    cores, rounds, seconds = _cores(), 1 if quick else 5, 2.0 if quick else 60.0
    wire_s, share = _wire_s((STATE_SIZE,)), 0.25 if quick else 1.0
    sides = {
        "ours": Side(_ours, wire_s, 4.0 * share),
        "lerobot": Side(_lerobot(SIX), _wire_s(tuple(SIZES.get(name, 2) for name in SIX)), 1.5 * share),
        "lerobot_position_only": Side(_lerobot(SIX[:1]), _wire_s((2,)), 1.0 * share),
    }
    gc.collect()
    gc.freeze()
    with _act(cores.act) as finish_act, _servos(cores.driver, cores.emulator) as (port, finish_servos):
        taken = _in_turn(sides, port, rounds)
        deadlines = _deadlines(port, seconds)
        counts, act = finish_servos()["counts"], finish_act()
    with _servos(cores.driver, cores.act) as (port, _):
        alone = _in_turn(sides, port, 1)
    ours = _summary(sides["ours"], taken["ours"])
    complete = ours["incomplete_cycles"] == 0
    return {
        "name": "servo",
        "ratio": ours["ratio"],
        "target": TARGET,
        "passed": ours["ratio"] >= TARGET and complete and deadlines["missed_deadlines"] == 0 and act["chunks"] > 0,
        **{key: value for key, value in ours.items() if key != "ratio"},
        "cycles": len(taken["ours"].seconds),
        "wire_bytes": round(wire_s * BAUD / 10),
        "baud": BAUD,
        "return_delay_s": RETURN_DELAY_S,
        **deadlines,
        "lerobot": _summary(sides["lerobot"], taken["lerobot"]),
        "lerobot_position_only": _summary(sides["lerobot_position_only"], taken["lerobot_position_only"]),
        "without_act_emulator_on_a_core_of_its_own": {name: _summary(sides[name], alone[name]) for name in sides},
        "speedup_over_lerobot": ours["cycles_per_s"] / _summary(sides["lerobot"], taken["lerobot"])["cycles_per_s"],
        "act_chunks": act["chunks"],
        "act_chunk_ms": act["chunk_ms"],
        "emulator": counts,
        "cores": cores._asdict(),
        "load_average": os.getloadavg()[0],
    }


def _cores() -> Cores:
    free = sorted(os.sched_getaffinity(0))
    return Cores(free[0], free[1] if len(free) > 2 else free[0], free[-1])


def _wire_s(sizes: tuple[int, ...]) -> float:
    """One sync read of each of `sizes` bytes, with its answers, and one sync write of goals."""
    servos = len(ARM_IDS)
    read_bytes = sum(OVERHEAD + 2 + servos + servos * (OVERHEAD + size) for size in sizes)
    write_bytes = OVERHEAD + 2 + servos * (1 + 2)
    return wire_time_s(read_bytes + write_bytes, BAUD) + len(sizes) * servos * RETURN_DELAY_S


# --- processes beside this one ------------------------------------------------------------------------------------


@contextmanager
def _servos(own_core: int, core: int) -> Iterator[tuple[str, Callable[[], dict[str, Any]]]]:
    """Emulated servos on `core`, and this process on `own_core`; their port, and what ends them."""
    cores = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as folder:
        port = str(Path(folder) / "port")
        command = [sys.executable, str(BESIDE / "emulated_servos.py"), port, str(core)]
        with reporting(command, os.environ) as finish:
            os.sched_setaffinity(0, {own_core})
            try:
                yield port, finish
            finally:
                os.sched_setaffinity(0, cores)


@contextmanager
def _act(core: int) -> Iterator[Callable[[], dict[str, Any]]]:
    command = [sys.executable, str(BESIDE / "act_load.py"), str(POLICY), str(core)]
    with reporting(command, os.environ | {"OMP_NUM_THREADS": "1"}) as finish:
        yield finish


# --- cycles as fast as they go ------------------------------------------------------------------------------------


def _in_turn(sides: dict[str, Side], port: str, rounds: int) -> dict[str, Taken]:
    taken = {name: Taken([], 0) for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            with side.open(port) as cycle:
                for _ in range(20):
                    cycle()
                more = _cycles(cycle, side.seconds)
            taken[name] = Taken(taken[name].seconds + more.seconds, taken[name].incomplete + more.incomplete)
    return taken


def _cycles(cycle: Cycle, seconds: float) -> Taken:
    taken: list[float] = []
    incomplete = 0
    before = time.perf_counter()
    end = before + seconds
    while before < end:
        incomplete += not cycle()
        now = time.perf_counter()
        taken.append(now - before)
        before = now
    return Taken(taken, incomplete)


@contextmanager
def _ours(port: str) -> Iterator[Cycle]:
    goals = dict.fromkeys(ARM_IDS, 2048)
    with FeetechBus(port, baud=BAUD, retries=RETRIES) as bus:

        def cycle() -> bool:
            complete = not bus.exchange(goals).errors
            if not complete:
                time.sleep(PAUSE_S)  # lost servos are not asked each time: goals alone would flood the port
            return complete

        yield cycle


def _lerobot(quantities: tuple[str, ...]) -> Callable[[str], AbstractContextManager[Cycle]]:
    """LeRobot's bus reads one register of all servos per transaction; raw values, as ours."""
    from lerobot.motors import Motor, MotorNormMode
    from lerobot.motors.feetech import FeetechMotorsBus

    @contextmanager
    def opened(port: str) -> Iterator[Cycle]:
        ids = zip(JOINT_NAMES, ARM_IDS, strict=True)
        motors = {name: Motor(servo_id, "sts3215", MotorNormMode.DEGREES) for name, servo_id in ids}
        bus = FeetechMotorsBus(port, motors)
        bus.connect(handshake=False)
        goals = dict.fromkeys(JOINT_NAMES, 2048)

        def cycle() -> bool:
            try:
                for quantity in quantities:
                    bus.sync_read(f"Present_{quantity}", normalize=False, num_retry=RETRIES)
            except ConnectionError:
                return False
            bus.sync_write("Goal_Position", goals, normalize=False)
            return True

        try:
            yield cycle
        finally:
            bus.disconnect(disable_torque=False)

    return opened


def _summary(side: Side, taken: Taken) -> dict[str, float]:
    seconds = np.array(taken.seconds)
    return {
        "ratio": side.wire_s / float(np.mean(seconds)),
        "ratio_median": side.wire_s / float(np.median(seconds)),
        "cycles_per_s": 1 / float(np.mean(seconds)),
        "wire_limit_per_s": 1 / side.wire_s,
        "cycle_p99_ms": 1e3 * float(np.percentile(seconds, 99)),
        "incomplete_cycles": taken.incomplete,
    }


# --- cycles in time -----------------------------------------------------------------------------------------------


def _deadlines(port: str, seconds: float) -> dict[str, Any]:
    """The motor driver at RATE_HZ for `seconds`, following commands."""
    settings = DriverSettings(port, rate=RATE_HZ, fps=COMMAND_HZ, on_exit=HOLD)
    stamps: list[int] = []
    driver = ArmDriver(settings, read_calibration(CALIBRATION), lambda state: stamps.append(state.stamp_ns))
    driver.start()
    try:
        _command(driver, 2.0)
        stamps.clear()
        before = driver.status().counts
        _command(driver, seconds)
        after, real_time = driver.status().counts, driver.real_time
    finally:
        driver.close()
    gaps_ms = np.diff(np.array(stamps)) / 1e6
    return {
        "missed_deadlines": after["missed_deadlines"] - before.get("missed_deadlines", 0),
        "missed_deadline_is": MISS,
        "real_time_priority": real_time,
        "rate_hz": RATE_HZ,
        "seconds": seconds,
        "states": len(stamps),
        "state_interval_p50_ms": float(np.median(gaps_ms)),
        "state_interval_max_ms": float(np.max(gaps_ms)),
    }


def _command(driver: ArmDriver, seconds: float) -> None:
    """A slow wave around the home pose, at COMMAND_HZ."""
    begun = time.monotonic()
    due, pause = begun, threading.Event()
    while due < begun + seconds:
        wave = 0.2 * math.sin(2 * (due - begun))
        driver.command(np.array(HOME_POSE) + wave, date_ns())
        due += 1 / COMMAND_HZ
        pause.wait(max(0.0, due - time.monotonic()))
