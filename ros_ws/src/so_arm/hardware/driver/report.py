"""The driver's state for people: a line per change in the log, one line and numbers for the health report."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

from so_arm.core.clock import date_ns
from so_arm.core.joints import JOINT_NAMES
from so_arm.core.settled import Settled
from so_arm.hardware.driver.commands import CommandIntake
from so_arm.hardware.driver.status import ENDING, WARN, DriverStatus, Level, Mode, Trouble

if TYPE_CHECKING:
    from so_arm.hardware.driver.driver import ArmDriver

#: Refused or bent commands are told of for that long.
_RECENT_NS = 2_000_000_000
#: The same line is not written again within that time [s].
_QUIET_S = 5.0
#: What lasts less is counted, but not written [s]; the first sweeps after connecting take their time.
_LASTING_S, _STARTING_S = 0.2, 0.3
#: Moments that come again and again are written too: when they add up to so much [s], less a share of the time between.
_MOMENTS_S, _FORGIVEN = 1.0, 0.2


class ChangeLog:
    """Writes what changed, once; what comes and goes all the time, now and then; what is over at once, never."""

    def __init__(self, write: Callable[[Level, str], None], clock_s: Callable[[], float] = time.monotonic) -> None:
        self._write, self._clock_s = write, clock_s
        self._kinds: Settled[tuple[str, ...]] = Settled(())
        self._moments_s = 0.0
        self._noted_s = clock_s()
        self._last_trouble_ns = 0
        self._written_s: dict[str, float] = {}

    def note(self, mode: Mode, troubles: list[Trouble], intake: CommandIntake) -> None:
        now_s = self._clock_s()
        kinds = (mode, *(trouble.kind for trouble in troubles))
        passed_s, self._noted_s = min(now_s - self._noted_s, _LASTING_S), now_s
        self._moments_s = max(0.0, self._moments_s + passed_s * (1 if kinds != self._kinds.told else -_FORGIVEN))
        if self._kinds.due(kinds, now_s, self._patience_s(mode, troubles)):
            self._moments_s = 0.0
            news = next((trouble for trouble in troubles if trouble.kind not in self._kinds.told), troubles[0])
            if self._say(news, now_s):
                self._kinds.told = kinds
        if intake.last_trouble_ns != self._last_trouble_ns:
            self._last_trouble_ns = intake.last_trouble_ns
            self._say(Trouble(WARN, intake.last_trouble, intake.last_trouble), now_s)

    def _patience_s(self, mode: Mode, troubles: list[Trouble]) -> float:
        at_the_end = any(trouble.kind == ENDING for trouble in troubles)  # which does not last
        if at_the_end or self._moments_s >= _MOMENTS_S:
            return 0.0
        return _STARTING_S if mode is Mode.STARTING else _LASTING_S

    def _say(self, trouble: Trouble, now_s: float) -> bool:
        """False when the same was said a moment ago."""
        if now_s - self._written_s.get(trouble.kind, -_QUIET_S) < _QUIET_S:
            return False
        self._written_s[trouble.kind] = now_s
        self._write(trouble.level, trouble.text)
        return True


def status_of(driver: ArmDriver, now_s: float) -> DriverStatus:
    """Read while the bus thread goes on: each number is right, all of them together nearly so."""
    logic, intake = driver.logic, driver.intake
    trouble = driver.connect_trouble
    mode = Mode(trouble.kind) if trouble else logic.mode
    troubles = driver.troubles(now_s)
    if intake.last_trouble and date_ns() - intake.last_trouble_ns < _RECENT_NS:
        troubles = sorted([*troubles, Trouble(WARN, "command", intake.last_trouble)], key=lambda each: -each.level)
    return DriverStatus(troubles[0].level, mode, troubles[0].text, _counts(driver), _readings(driver, mode, troubles))


def _counts(driver: ArmDriver) -> dict[str, int]:
    health, link = driver.logic.health, driver.connection.bus.link
    # Plain dicts copy at once, while the bus thread goes on counting.
    parts = (driver.counts, driver.intake.counts, health.counts, driver.torque.counts, link.counts)
    counts: Counter[str] = Counter()
    for part in parts:
        counts.update(dict(part))
    counts["missed_deadlines"] = driver.deadlines.missed
    counts["encoder_jumps"] = health.encoder.jumps
    counts["stalls"] = health.stall.stalls
    counts["overloads"] = health.overload.latches
    counts["grip_backoffs"] = health.grip.backoffs
    return dict(counts)


def _readings(driver: ArmDriver, mode: Mode, troubles: list[Trouble]) -> dict[str, str]:
    readings = {"mode": str(mode), "port": driver.settings.port, "real_time": str(driver.real_time).lower()}
    if len(troubles) > 1:
        readings["also"] = "; ".join(trouble.text for trouble in troubles[1:])
    for what, reasons in (
        ("refused", driver.intake.refused),
        ("bent", driver.intake.bent),
        ("slowed", driver.logic.motion.bent),
    ):
        if reasons:
            readings[what] = ", ".join(f"{reason} ({count})" for reason, count in dict(reasons).items())
    sample = driver.logic.health.raw
    if sample is not None and driver.connection.is_open:
        columns = zip(JOINT_NAMES, sample.temperature, sample.voltage, sample.current, sample.load, strict=True)
        for name, temperature, voltage, current, load in columns:
            readings[name] = f"{temperature} C, {voltage:.1f} V, {current:.2f} A, load {load:+.2f}"
    return readings
