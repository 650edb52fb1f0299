"""Every fault of the emulator while the arm moves: what the bus reports of it, and that it recovers."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from itertools import count

import numpy as np
import pytest

from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.bus import FeetechBus
from so_arm.hardware.feetech.emulator import Emulator
from so_arm.hardware.feetech.errors import (
    BusError,
    CorruptAnswer,
    PortError,
    ServoError,
    ServoFault,
    ServoTimeout,
    StatusError,
)
from so_arm.hardware.feetech.faults import Fault, FaultKind, parse_script
from so_arm.hardware.feetech.identity import scan
from so_arm.hardware.feetech.packets import Packet
from so_arm.hardware.feetech.servo import Servo
from so_arm.hardware.feetech.state import ServoState, Sweep

pytestmark = [pytest.mark.slow, pytest.mark.alone]  # all of it together: servos answer in real time

#: Patience for a machine where the emulator's thread may have to wait for a core; lost answers do not cost it,
#: as long as the last servo of a sweep answers.
MARGIN_S = 0.2


@pytest.fixture
def bus(emulator: Emulator) -> Iterator[FeetechBus]:
    with FeetechBus(str(emulator.path), margin_s=MARGIN_S) as bus:
        bus.enable_torque()
        yield bus


def move(bus: FeetechBus, seconds: float = 0.4) -> list[Sweep]:
    """Swings all joints at 100 Hz."""
    start, sweeps = time.monotonic(), []
    for cycle in count(1):
        goal = 2048 + round(300 * np.sin(3 * (time.monotonic() - start)))
        sweeps.append(bus.exchange(dict.fromkeys(bus.ids, goal)))
        time.sleep(max(0.0, start + 0.01 * cycle - time.monotonic()))
        if time.monotonic() - start > seconds:
            return sweeps
    raise AssertionError


def kinds(sweeps: list[Sweep], servo_id: int) -> set[type]:
    return {type(sweep.servos[servo_id]) for sweep in sweeps}


def others_are_fine(sweeps: list[Sweep], failing: set[int]) -> bool:
    fine = [all(isinstance(sweep.servos[i], ServoState) for i in sweep.servos if i not in failing) for sweep in sweeps]
    # A loaded machine may make an answer late; then the bus says so, as it should.
    return sum(fine) >= 0.5 * len(fine)


def wait_until(reached: Callable[[], bool]) -> None:
    until = time.monotonic() + 20.0
    while not reached():
        assert time.monotonic() < until
        time.sleep(0.005)


def recovers(bus: FeetechBus, within_s: float = 20.0) -> bool:
    until = time.monotonic() + within_s
    return any(not bus.read_state().errors for _ in iter(lambda: time.monotonic() < until, False))


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault(FaultKind.SILENT, servo=3), ServoTimeout),
        (Fault(FaultKind.LATE, servo=3, value=0.7), ServoTimeout),
        (Fault(FaultKind.CHECKSUM, servo=3), CorruptAnswer),
        (Fault(FaultKind.WRONG_ID, servo=3, value=9), ServoTimeout),
    ],
    ids=lambda value: value.kind.value if isinstance(value, Fault) else value.__name__,
)
def test_one_servo_fails_and_only_that_one(emulator: Emulator, bus: FeetechBus, fault: Fault, error: type):
    emulator.inject(fault)
    sweeps = move(bus)
    assert kinds(sweeps, 3) == {error}
    assert others_are_fine(sweeps, {3})
    emulator.clear()
    assert recovers(bus)


@pytest.mark.parametrize("kind", [FaultKind.CORRUPT, FaultKind.LOSE_BYTE])
def test_damaged_bytes_never_become_a_value(emulator: Emulator, bus: FeetechBus, kind: FaultKind):
    emulator.inject(Fault(kind, servo=3))
    sweeps = move(bus)
    assert kinds(sweeps, 3) <= {CorruptAnswer, ServoTimeout}
    assert others_are_fine(sweeps, {3})
    emulator.clear()
    assert recovers(bus)


@pytest.mark.parametrize("kind", [FaultKind.CORRUPT, FaultKind.LOSE_BYTE, FaultKind.LOSE_PACKET])
def test_a_tenth_damaged_is_mended_by_retries(emulator: Emulator, bus: FeetechBus, kind: FaultKind):
    emulator.inject(Fault(kind, value=0.1))
    bus.link.margin_s = 0.04
    sweeps = move(bus, 1.0)
    good = sum(isinstance(state, ServoState) for sweep in sweeps for state in sweep.servos.values())
    assert good > 0.85 * 6 * len(sweeps)


def test_a_lost_answer_is_asked_for_again_although_patience_is_longer_than_the_budget(emulator, bus):
    emulator.inject(Fault(FaultKind.LOSE_PACKET, servo=3, value=1.0))
    requests, begin_s = emulator.counts["requests"], time.monotonic()
    assert set(bus.read_state(budget_s=0.05).errors) == {3}
    assert emulator.counts["requests"] - requests > 1
    assert time.monotonic() - begin_s < MARGIN_S, "and not waited for beyond it"


def test_a_late_answer_never_passes_for_a_fresh_one():
    """Positions tell when they were sampled: milliseconds of the clock when the servo heard the request."""

    def now_ms(at_ns: int) -> int:
        return at_ns // 1_000_000 % 30000

    def sample(packet: Packet) -> None:
        for servo in emulator.servos:
            servo.put(reg.PRESENT_POSITION, now_ms(time.monotonic_ns()))

    emulator = Emulator(wire_time=False, on_request=sample)
    late_and_lost = 0
    with emulator, FeetechBus(str(emulator.path), margin_s=0.005) as bus:
        for late_s in (0.012, 0.06, 0.12):
            emulator.inject(Fault(FaultKind.LATE, servo=3, value=late_s, for_s=0.3))
            emulator.inject(Fault(FaultKind.LATE, servo=6, value=late_s + 0.01, for_s=0.3))
            until = time.monotonic() + 0.5
            while time.monotonic() < until:
                sweep = bus.read_state()
                late_and_lost += 3 in sweep.errors
                for state in sweep.servos.values():
                    if isinstance(state, ServoState):
                        assert (state.position - now_ms(sweep.stamp_ns)) % 30000 < 15000
        assert late_and_lost > 10
        assert bus.link.counts["late_or_stray_answers"] > 0
        bus.link.margin_s = MARGIN_S
        assert recovers(bus)


def test_two_servos_with_one_id(emulator: Emulator, bus: FeetechBus):
    emulator.servo(4).encoder_slip = 700  # the two differ
    emulator.inject(Fault(FaultKind.WRONG_ID, servo=4, value=3))
    sweeps = move(bus)
    assert CorruptAnswer in kinds(sweeps, 3) <= {CorruptAnswer, ServoTimeout}
    assert kinds(sweeps, 4) == {ServoTimeout}
    assert others_are_fine(sweeps, {3, 4})
    found = {servo.id: servo.trouble for servo in scan(bus, [1_000_000])}
    assert "two servos with this id" in found[3]
    assert 4 not in found
    emulator.clear()
    assert recovers(bus)


def test_wrong_id_is_found_by_a_scan(emulator: Emulator, bus: FeetechBus):
    emulator.inject(Fault(FaultKind.WRONG_ID, servo=3, value=9))
    assert [servo.id for servo in scan(bus, [1_000_000])] == [1, 2, 4, 5, 6, 9]


def test_unplugged_and_plugged_in_again(emulator: Emulator, bus: FeetechBus):
    with pytest.raises(PortError, match="unplugged"):
        emulator.inject(Fault(FaultKind.UNPLUG, for_s=0.3))
        move(bus)
    with pytest.raises(PortError, match="does not exist"):
        bus.open()
    until = time.monotonic() + 20.0
    while not bus.link.is_open and time.monotonic() < until:
        time.sleep(0.02)
        try:
            bus.open()
        except PortError:
            continue
    # The servos kept their power: they still hold.
    assert recovers(bus)
    assert bus.read(1, reg.TORQUE_ENABLE) == 1


@pytest.mark.parametrize(
    ("fault", "bit", "holds"),
    [
        (Fault(FaultKind.VOLTAGE, servo=3, value=3.5), ServoFault.VOLTAGE, True),
        (Fault(FaultKind.TEMPERATURE, servo=3, value=80), ServoFault.TEMPERATURE, False),
    ],
)
def test_supply_and_heat(emulator: Emulator, bus: FeetechBus, fault: Fault, bit: ServoFault, holds: bool):
    emulator.inject(fault)
    wait_until(lambda: emulator.servo(3).faults == bit)
    sweeps = move(bus)
    assert ServoState in kinds(sweeps, 3)
    state = sweeps[-1].servos[3]
    assert isinstance(state, ServoState)
    assert state.faults == bit
    assert (state.voltage, state.temperature) == pytest.approx((3.5, 30) if holds else (7.4, 80))
    assert (emulator.servo(3).torque() > 0) == holds
    with pytest.raises(StatusError):
        bus.read(3, reg.ID)
    emulator.clear()
    wait_until(lambda: not emulator.servo(3).faults)
    sweep = bus.read_state()
    assert [state.faults for state in sweep.servos.values() if isinstance(state, ServoState)] == [ServoFault(0)] * 6


def test_overload_stays_until_torque_is_switched_off(emulator: Emulator, bus: FeetechBus):
    emulator.inject(Fault(FaultKind.JAM, servo=6))
    bus.write(6, reg.PROTECTION_TIME, 10)  # 0.1 s
    goals = dict.fromkeys(bus.ids, 2600)
    until = time.monotonic() + 20.0
    while time.monotonic() < until and not emulator.servo(6).overload:
        bus.exchange(goals)
    state = bus.read_state().servos[6]
    assert isinstance(state, ServoState)
    assert ServoFault.OVERLOAD in state.faults
    emulator.clear()
    assert emulator.servo(6).torque() == pytest.approx(0.2)
    bus.disable_torque()
    wait_until(lambda: not emulator.servo(6).faults)
    bus.enable_torque()
    assert emulator.servo(6).torque() == pytest.approx(1.0)


def test_encoder_slip_reads_as_a_jump(emulator: Emulator, bus: FeetechBus):
    """The bus cannot know better; the position stays within one turn, so a slip past its end wraps."""
    before = bus.read_state().servos[1]
    emulator.inject(Fault(FaultKind.ENCODER, servo=1, value=2100))
    wait_until(lambda: emulator.servo(1).get(reg.PRESENT_POSITION) < 200)
    after = bus.read_state().servos[1]
    assert isinstance(before, ServoState) and isinstance(after, ServoState)
    assert after.position < 200 < before.position


def test_faults_by_script(emulator: Emulator):
    text = """
    0.0 silent servo=2 for=1.5   # comes back
    0.05 voltage value=3.0
    """
    script = parse_script(text)
    with Emulator(wire_time=False, script=script) as emulated, FeetechBus(str(emulated.path), margin_s=MARGIN_S) as bus:
        wait_until(lambda: emulated.servo(1).faults != 0)
        sweep = bus.read_state()
        assert set(sweep.errors) == {2}
        assert isinstance(sweep.servos[1], ServoState)
        assert sweep.servos[1].faults == ServoFault.VOLTAGE
        assert recovers(bus)


def test_nothing_but_bus_errors_under_everything_at_once():
    script = [
        Fault(kind, value=value)
        for kind, value in (
            (FaultKind.LOSE_PACKET, 0.2),
            (FaultKind.LOSE_BYTE, 0.2),
            (FaultKind.CORRUPT, 0.2),
            (FaultKind.CHECKSUM, 0.1),
        )
    ]
    servos = [Servo(servo_id) for servo_id in (1, 2, 3, 4, 5, 5)]
    with (
        Emulator(servos, wire_time=False, script=script) as emulator,
        FeetechBus(str(emulator.path), margin_s=0.005) as bus,
    ):
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            sweep = bus.exchange(dict.fromkeys(bus.ids, 2048))
            assert set(sweep.servos) == set(bus.ids)
            assert all(isinstance(found, ServoState | ServoError) for found in sweep.servos.values())
            try:
                bus.write(1, reg.P_COEFFICIENT, 16)
            except BusError:
                continue
