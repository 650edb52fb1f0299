"""Every fault of the emulated bus while the arm swings: nothing bad happens, and the arm swings again afterwards.

Prints what docs/faults.md has as the time to recover: `pytest -rP`. SO_ARM_LOSS_SECONDS: how long packets are lost.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import pytest
from tests.hardware.driver.emulated_arm import EmulatedArm
from tests.hardware.driver.swinging_arm import Command, SwingingArm

from so_arm.hardware.driver.status import Mode
from so_arm.hardware.feetech.faults import Fault, FaultKind

pytestmark = [pytest.mark.slow, pytest.mark.alone]

PATIENCE_S = 60.0
LOSS_SECONDS = float(os.environ.get("SO_ARM_LOSS_SECONDS", "3"))


class Trial(NamedTuple):
    """said: what the driver tells. seconds: how long the fault lasts. begin: what is waited for before it begins."""

    fault: Fault
    said: str
    seconds: float = 0.5
    begin: Callable[[SwingingArm], object] = lambda swinging: True


def _elbow_is_driven_up(swinging: SwingingArm) -> bool:
    """A servo that is told to go the other way gives up its overload protection by itself."""
    return bool(np.diff([seen.position[2] for seen in swinging.seen[-6:]]).sum() > 0.03)


TRIALS = {
    "silent": Trial(Fault(FaultKind.SILENT, 3), "elbow_flex: servo 3: no answer"),
    "dropped-byte": Trial(Fault(FaultKind.LOSE_BYTE, 3), "elbow_flex: servo 3"),
    "corrupted-byte": Trial(Fault(FaultKind.CORRUPT, 3), "elbow_flex: servo 3"),
    "checksum": Trial(Fault(FaultKind.CHECKSUM, 3), "elbow_flex: servo 3: answer is damaged"),
    "late": Trial(Fault(FaultKind.LATE, 3, 0.02), "elbow_flex: servo 3: no answer"),
    "unplugged": Trial(Fault(FaultKind.UNPLUG), "does not exist; is the arm plugged in?", 3.0),
    "voltage-sag": Trial(Fault(FaultKind.VOLTAGE, value=3.5), "supply is 3.5 V"),
    "overload-latch": Trial(
        Fault(FaultKind.OVERLOAD, 3),
        "elbow_flex: overload protection has latched",
        0.0,
        begin=_elbow_is_driven_up,
    ),
    "wrong-id": Trial(Fault(FaultKind.WRONG_ID, 3, 9), "elbow_flex: servo 3: no answer"),
    "one-id-twice": Trial(Fault(FaultKind.WRONG_ID, 4, 3), "two servos with this id"),
    "jam": Trial(Fault(FaultKind.JAM, 2), "shoulder_lift is held back: it pushed against something", 1.0),
}


@pytest.fixture(scope="module")
def process() -> Iterator[EmulatedArm]:
    with EmulatedArm() as arm:
        yield arm


@pytest.fixture
def swinging(process: EmulatedArm) -> Iterator[SwingingArm]:
    swinging = SwingingArm(process)
    yield swinging
    swinging.close()


def test_every_kind_of_fault_is_tried() -> None:
    others = {FaultKind.LOSE_PACKET, FaultKind.ENCODER, FaultKind.TEMPERATURE}
    assert {trial.fault.kind for trial in TRIALS.values()} | others == set(FaultKind)


@pytest.mark.parametrize("name", TRIALS)
def test_a_fault_in_motion(swinging: SwingingArm, name: str) -> None:
    trial = TRIALS[name]
    swing_a_while(swinging)
    swinging.until(lambda: trial.begin(swinging), "the moment to begin")
    begin_ns = swinging.arm.inject(trial.fault)
    swinging.until(lambda: swinging.told(trial.said), trial.said)
    time.sleep(trial.seconds)
    end_ns = swinging.arm.clear()
    # Ending the fault does not end a latched overload; the driver does.
    recovers(swinging, name, begin_ns if trial.fault.kind is FaultKind.OVERLOAD else end_ns)


@pytest.mark.parametrize("slip", [400.0, 2048.0], ids=["slip", "wrap"])
def test_an_encoder_that_jumps_needs_a_human(swinging: SwingingArm, slip: float) -> None:
    """400 ticks: another place within the range. 2048 of a joint at 2048: across the end of the turn."""
    swing_a_while(swinging)
    swinging.arm.inject(Fault(FaultKind.ENCODER, 1, slip))
    swinging.until(lambda: swinging.told("shoulder_pan: position jumped and stayed off"), "the slip")
    goal_can_hold_it = slip < 1000
    swinging.until(lambda: swinging.driver.torque.on[0] is goal_can_hold_it, "torque that keeps the joint where it is")
    published = len(swinging.seen)
    time.sleep(0.3)
    assert len(swinging.seen) == published, "nothing is published of a pose in doubt"
    swinging.arm.clear()
    time.sleep(0.3)
    assert len(swinging.seen) == published
    accepted_ns = time.monotonic_ns()
    assert swinging.driver.enable_torque(True) == "torque comes on at the measured pose"
    recovers(swinging, f"encoder {slip:.0f}", accepted_ns)


def test_a_hot_arm_is_lowered_and_a_servo_is_silent_on_the_way(swinging: SwingingArm) -> None:
    """The silent one goes on from where it is, and not from where the others are by then."""
    driver = swinging.driver
    swing_a_while(swinging)
    swinging.arm.inject(Fault(FaultKind.TEMPERATURE, 2, 68.0))
    swinging.until(lambda: driver.logic.mode is Mode.LOWERING, "the way down")
    swinging.arm.inject(Fault(FaultKind.SILENT, 3, for_s=0.7))
    for text in ("shoulder_lift has 68 degrees C", "elbow_flex: servo 3: no answer"):
        swinging.until(lambda text=text: swinging.told(text), text)
    swinging.until(lambda: driver.logic.mode is Mode.LIMP and not any(driver.torque.on), "rest")
    recovers(swinging, "hot", swinging.arm.clear())


def test_a_tenth_of_all_packets_lost(swinging: SwingingArm) -> None:
    """Judged where no answer was late: what makes answers late is that other programs have the machine, so that a
    moment without them is waited for.
    """
    swing_a_while(swinging)
    swinging.arm.inject(Fault(FaultKind.LOSE_PACKET, value=0.1))
    rates: list[tuple[float, int]] = []
    begin_s = time.monotonic()
    while (spent_s := time.monotonic() - begin_s) < LOSS_SECONDS or not (calm_rates(rates) or spent_s > PATIENCE_S):
        rates.append(states_per_second(swinging, 0.5))
    assert swinging.driver.status().counts.get("disconnections", 0) == 0
    recovers(swinging, "packet loss", swinging.arm.clear())
    calm = calm_rates(rates)
    print(
        f"packet loss: {np.mean([rate for rate, _ in rates]):.1f} states/s in {spent_s:.0f} s,"
        f" {len(calm)} of {len(rates)} half seconds without late answers"
    )
    assert calm, f"other programs kept the bus waiting for {PATIENCE_S:.0f} s"
    assert np.mean(calm) > 0.8 * swinging.driver.settings.rate


def calm_rates(rates: list[tuple[float, int]]) -> list[float]:
    return [rate for rate, late in rates if not late]


def states_per_second(swinging: SwingingArm, seconds: float) -> tuple[float, int]:
    """And how many answers were late."""
    counts = swinging.driver.connection.bus.link.counts
    states, late, begin_s = len(swinging.seen), counts["late_or_stray_answers"], time.monotonic()
    time.sleep(seconds)
    rate = (len(swinging.seen) - states) / (time.monotonic() - begin_s)
    return rate, counts["late_or_stray_answers"] - late


BAD_COMMANDS: dict[str, Callable[[Command], Command]] = {
    "nan": lambda command: (np.full(6, np.nan), command[1]),
    "infinite": lambda command: (np.full(6, np.inf), command[1]),
    "huge": lambda command: (np.full(6, 1e300), command[1]),
    "out-of-range": lambda command: (command[0] + 9.0, command[1]),
    "past": lambda command: (command[0] - 0.5, command[1] - 2_000_000_000),
    "future": lambda command: (command[0] - 0.5, command[1] + 2_000_000_000),
    "five-joints": lambda command: (command[0][:5], command[1]),
}


def test_bad_commands_among_good_ones(process: EmulatedArm) -> None:
    kinds = list(BAD_COMMANDS.values())

    def spoil(k: int, command: Command) -> Command:
        return kinds[k // 3 % len(kinds)](command) if k % 3 == 0 else command

    swinging = SwingingArm(process, spoil)
    try:
        swing_a_while(swinging)
        swinging.until(lambda: swinging.driver.intake.counts["commands"] > 60, "commands")
        status = swinging.driver.status()
        assert status.mode is Mode.FOLLOWING
        for reason in ("not finite", "stale", "from the future", "5 joints"):
            assert reason in status.readings["refused"]
        assert "beyond its upper limit" in status.readings["bent"]
        recovers(swinging, "bad commands", time.monotonic_ns())
    finally:
        swinging.close()


def swing_a_while(swinging: SwingingArm) -> None:
    swinging.swings()
    time.sleep(0.3)


def recovers(swinging: SwingingArm, what: str, end_ns: int) -> None:
    """Figures are those of the time after the fault's end."""
    swinging.swings(end_ns)
    time.sleep(0.2)
    swinging.swings(time.monotonic_ns())
    published_s, follows_s = swinging.recovered_s(end_ns)
    step, age_s = swinging.finish()
    print(
        f"{what}: states after {published_s:.3f} s, follows after {follows_s:.2f} s;"
        f" largest step {step:.4f} rad, oldest state {age_s * 1e3:.1f} ms"
    )
