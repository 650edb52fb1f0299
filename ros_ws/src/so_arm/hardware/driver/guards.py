"""When the arm must not go on: heat, weak supply, and a body joint that pushes against something.

Each has a limit to act at and another, further away, to end at.
"""

from __future__ import annotations

from so_arm.core.joints import GRIPPER, JOINT_NAMES, NUM_JOINTS
from so_arm.hardware.driver.sample import Sample
from so_arm.hardware.driver.settings import DriverSettings


class Persistence:
    """True once something has been so for `on_s`, false again once it has not been so for `off_s`."""

    def __init__(self, on_s: float, off_s: float) -> None:
        self._on_s, self._off_s = on_s, off_s
        self._since_s: float | None = None
        self.on = False

    def update(self, begins: bool, ends: bool, now_s: float) -> bool:
        """begins, ends: whether it is so, and whether it is not; neither between the two limits."""
        if not (ends if self.on else begins):
            self._since_s = None
            return self.on
        if self._since_s is None:
            self._since_s = now_s
        if now_s - self._since_s >= (self._off_s if self.on else self._on_s):
            self.on, self._since_s = not self.on, None
        return self.on


class HeatGuard:
    """Warm: to be told. Hot: the arm is lowered and rests, until it is no longer warm."""

    def __init__(self, settings: DriverSettings) -> None:
        self._warning, self._limit = settings.temperature_warning, settings.temperature_limit
        self._hot = Persistence(0.1, 0.5)
        self._warm = Persistence(0.1, 0.5)
        self.text = ""

    @property
    def hot(self) -> bool:
        return self._hot.on

    @property
    def warm(self) -> bool:
        return self._warm.on

    def update(self, sample: Sample, now_s: float) -> None:
        hottest = max(sample.temperature)
        self._hot.update(hottest >= self._limit, hottest < self._warning, now_s)
        if self._warm.update(hottest >= self._warning, hottest < self._warning - 2, now_s) or self.hot:
            self.text = f"{JOINT_NAMES[sample.temperature.index(hottest)]} has {hottest} degrees C"


class SupplyGuard:
    """Low: servos are too weak for what is asked; the arm holds until the supply is back."""

    MARGIN_V = 0.2

    def __init__(self, settings: DriverSettings) -> None:
        self._limit = settings.min_voltage
        self._low = Persistence(0.1, 0.5)
        self.text = ""

    @property
    def low(self) -> bool:
        return self._low.on

    def update(self, sample: Sample, now_s: float) -> None:
        lowest = min(sample.voltage)
        if self._low.update(lowest < self._limit, lowest >= self._limit + self.MARGIN_V, now_s):
            joint = JOINT_NAMES[sample.voltage.index(lowest)]
            self.text = f"supply is {lowest:.1f} V at {joint}, less than {self._limit:.1f} V; check the power supply"


class StallGuard:
    """Body joints that push hard without getting on are held where they are.

    They are let go after a pause, which grows while they are found stalled again soon; the goal is then approached.
    """

    STALL_S = 1.0
    STILL_RAD_S = 0.3
    PAUSES_S = (1.0, 2.0, 4.0, 8.0, 15.0)
    CALM_S = 10.0  #: so long without a stall: the next pause is the shortest again

    def __init__(self, settings: DriverSettings) -> None:
        self._load, self._current = settings.load_limit, settings.current_limit
        self._since_s: list[float | None] = [None] * NUM_JOINTS
        self._until_s = [0.0] * NUM_JOINTS
        self._times = [0] * NUM_JOINTS
        self.stalled: dict[int, float] = {}  #: joint -> where it is held [rad]
        self.stalls = 0
        self.text = ""

    def update(self, sample: Sample, now_s: float) -> None:
        for joint in range(NUM_JOINTS):
            if joint == GRIPPER:
                continue
            if joint in self.stalled:
                if now_s >= self._until_s[joint]:
                    del self.stalled[joint]
                continue
            if not self._overdone(sample, joint):
                self._since_s[joint] = None
            elif (since_s := self._since_s[joint]) is None:
                self._since_s[joint] = now_s
            elif now_s - since_s >= self.STALL_S:
                self._stall(sample, joint, now_s)

    def names(self) -> str:
        return ", ".join(JOINT_NAMES[joint] for joint in sorted(self.stalled))

    def _overdone(self, sample: Sample, joint: int) -> bool:
        # A fast move takes full load too, but not for long and not standing still.
        pushing = abs(sample.load[joint]) >= self._load and abs(sample.velocity[joint]) < self.STILL_RAD_S
        return pushing or abs(sample.current[joint]) >= self._current

    def _stall(self, sample: Sample, joint: int, now_s: float) -> None:
        if now_s - self._until_s[joint] > self.CALM_S:
            self._times[joint] = 0
        pause_s = self.PAUSES_S[min(self._times[joint], len(self.PAUSES_S) - 1)]
        self._times[joint] += 1
        self._until_s[joint], self._since_s[joint] = now_s + pause_s, None
        self.stalled[joint] = sample.position[joint]
        self.stalls += 1
        self.text = f"load {abs(sample.load[joint]):.2f}, current {abs(sample.current[joint]):.2f} A"
