"""Everything that speaks against moving, found in the sweeps: missing answers, jumps, heat, supply, load, overload."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from so_arm.core.joints import GRIPPER
from so_arm.hardware.driver.encoder import EncoderWatch
from so_arm.hardware.driver.grip import GripGuard
from so_arm.hardware.driver.guards import HeatGuard, StallGuard, SupplyGuard
from so_arm.hardware.driver.overload import OverloadClearing
from so_arm.hardware.driver.sample import Sample
from so_arm.hardware.driver.settings import DriverSettings
from so_arm.hardware.driver.status import ERROR, WARN, Trouble

#: Without a complete sweep for so long the arm's pose is not known.
_BLIND_AFTER_S = 0.1


class ArmHealth:
    """`sample`: the newest one that is believed, None before the first; `raw`: the newest one that came."""

    def __init__(self, settings: DriverSettings) -> None:
        self.encoder = EncoderWatch()
        self.heat = HeatGuard(settings)
        self.supply = SupplyGuard(settings)
        self.stall = StallGuard(settings)
        self.grip = GripGuard(settings.gripper_load_limit, settings.period_s)
        self.overload = OverloadClearing()
        self.counts: Counter[str] = Counter()
        self.sample: Sample | None = None
        self.raw: Sample | None = None
        self.missing = ""  #: joints without an answer in the newest sweep, with the reason
        self._blind_after_s = max(_BLIND_AFTER_S, 3 * settings.period_s)
        self._complete_s = 0.0

    def forget(self) -> None:
        """The arm was out of sight: nothing of before is true."""
        self.encoder.forget()
        self.sample = self.raw = None

    def lost(self, missing: str) -> None:
        """A sweep without an answer of `missing`."""
        self.missing = missing
        self.counts["incomplete_sweeps"] += 1

    def saw(
        self,
        sample: Sample,
        now_s: float,
        held_ticks: Sequence[int | None],
        goal: Sequence[float] | None,
    ) -> bool:
        """A complete sweep; True when it is to be believed. held_ticks: goals of joints with torque."""
        self.missing, self._complete_s, self.raw = "", now_s, sample
        self.heat.update(sample, now_s)
        self.supply.update(sample, now_s)
        self.overload.update(sample, now_s)
        if not self.encoder.check(sample.ticks, now_s, held_ticks):
            self.counts["implausible_sweeps"] += 1
            return False
        self.stall.update(sample, now_s)
        if goal is not None:
            self.grip.update(sample, goal[GRIPPER], now_s)
        self.sample = sample
        return True

    def blind(self, now_s: float) -> bool:
        return now_s - self._complete_s > self._blind_after_s

    def restrain(self, wanted: list[float]) -> list[float]:
        """A goal (6) [rad] with joints that must not push on held where they are."""
        sample = self.sample
        if sample is None or not (self.stall.stalled or self.grip.active or self.overload.latched):
            return wanted
        wanted = list(wanted)
        for joint, held in (*self.stall.stalled.items(), *self.overload.latched.items()):
            wanted[joint] = held
        wanted[GRIPPER] = self.grip.held_back(wanted[GRIPPER], sample)
        return wanted

    def troubles(self, now_s: float) -> list[Trouble]:
        """The worst first."""
        found = []
        if self.encoder.slipped:
            text = "jumped and stayed off; look at the arm, then call enable_torque (true) to accept its pose"
            found.append(Trouble(ERROR, "encoder", f"{self.encoder.names()}: position {text}"))
        elif self.encoder.suspects:
            found.append(Trouble(ERROR, "encoder", f"{self.encoder.names()}: position jumped"))
        if self.missing and self.blind(now_s):
            found.append(Trouble(ERROR, "silent", self.missing))
        if self.heat.hot:
            found.append(Trouble(ERROR, "hot", f"{self.heat.text}: the arm rests until it has cooled down"))
        if self.supply.low:
            found.append(Trouble(ERROR, "supply", self.supply.text))
        if self.overload.latched:
            found.append(Trouble(ERROR, "overload", self.overload.text()))
        if self.stall.stalled:
            text = f"{self.stall.names()} is held back: it pushed against something ({self.stall.text})"
            found.append(Trouble(ERROR, "stall", text))
        if self.heat.warm and not self.heat.hot:
            found.append(Trouble(WARN, "warm", self.heat.text))
        if self.grip.active:
            found.append(Trouble(WARN, "grip", "gripper squeezes less than it was told, to spare its motor"))
        return found
