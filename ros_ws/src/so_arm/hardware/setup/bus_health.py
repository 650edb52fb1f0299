"""How well the bus carries answers: many state reads, without asking twice."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from so_arm.hardware.feetech.bus import ARM_IDS, FeetechBus
from so_arm.hardware.feetech.packets import sync_read_request
from so_arm.hardware.feetech.state import STATE_ADDRESS, STATE_SIZE
from so_arm.hardware.setup.findings import Finding, bad, note, ok

#: Of all answers, at least; a driver at 100 Hz lives with less, but a cable that loses this many gets worse.
LEAST_ANSWERED, GOOD_ANSWERED = 0.9, 0.995
#: After a loss late answers are waited for, so that none is taken for that of the next read.
_LATE_S = 0.02
#: A driver at 100 Hz has that long [ms].
LONGEST_MS = 10.0


@dataclass(frozen=True)
class BusHealth:
    reads: int
    answered: float  #: share of all answers of all servos
    worst_servo: int
    worst_answered: float
    median_ms: float  #: of a read of all servos
    p99_ms: float
    damaged: int  #: packets
    late: int  #: packets that came after they had been given up


def measure(bus: FeetechBus, reads: int, on_read: Callable[[], None] = lambda: None) -> BusHealth:
    """Reads the state of all servos `reads` times as fast as it goes."""
    answers = dict.fromkeys(bus.ids, 0)
    durations = np.empty(reads)
    damaged_before, late = bus.link.counts["damaged_packets"], 0
    request = sync_read_request(STATE_ADDRESS, STATE_SIZE, bus.ids)
    for number in range(reads):
        start = time.perf_counter()
        # Not through the bus: it spares servos that do not answer, which would count as more losses.
        answered = bus.link.ask(request, bus.ids, STATE_SIZE)
        durations[number] = time.perf_counter() - start
        for servo_id in answered:
            answers[servo_id] += 1
        if len(answered) < len(bus.ids):
            late += len(bus.link.listen(_LATE_S))
        on_read()
    worst = min(answers, key=lambda servo_id: answers[servo_id])
    median_ms, p99_ms = np.percentile(durations, (50, 99)) * 1e3
    return BusHealth(
        reads=reads,
        answered=sum(answers.values()) / (reads * len(answers)),
        worst_servo=worst,
        worst_answered=answers[worst] / reads,
        median_ms=float(median_ms),
        p99_ms=float(p99_ms),
        damaged=bus.link.counts["damaged_packets"] - damaged_before,
        late=late,
    )


def judged(health: BusHealth) -> Finding:
    found = (
        f"{health.answered:.2%} of answers in {health.reads} reads; {health.median_ms:.1f} ms median, "
        f"{health.p99_ms:.1f} ms p99; {health.damaged} damaged, {health.late} late"
    )
    lost = (1 - health.answered) * health.reads * len(ARM_IDS)
    cure = f"check the 3-pin cable of servo {health.worst_servo} ({health.worst_answered:.1%} answered)"
    if health.late > lost / 2:
        cure = "answers come late: this computer is busy, or the USB adapter or a hub holds them back"
    if health.answered < LEAST_ANSWERED or health.worst_answered < LEAST_ANSWERED:
        return bad("bus", found, cure)
    if health.answered < GOOD_ANSWERED:
        return note("bus", found, cure)
    if health.median_ms > LONGEST_MS:
        return note("bus", found, "slow: the driver cannot keep 100 Hz; is the USB port shared with a camera?")
    return ok("bus", found)
