"""A driver whose arm swings: commands come as those of a policy do, one per tick, stamped with the newest state."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from tests.hardware.driver.emulated_arm import CALIBRATION, EmulatedArm
from tests.hardware.driver.nothing_bad import Seen, check_goals, check_states

from so_arm.core.clock import date_of
from so_arm.hardware.driver.driver import ArmDriver
from so_arm.hardware.driver.sample import ArmState
from so_arm.hardware.driver.settings import DriverSettings
from so_arm.hardware.driver.status import Level, Mode

CENTRE = np.array([0.0, -0.9, 0.7, 1.2, -1.57, 0.6])
AMPLITUDE_RAD, FASTEST_RAD_S = 0.3, 0.95
PATIENCE_S = 30.0
#: Goals lag behind the swing by up to three control ticks.
_NEAR_RAD = 0.1
#: Not all joints turn round at the same time.
_PHASES = np.arange(6) * 0.7

Command = tuple[np.ndarray, int]


class Moment(NamedTuple):
    """When a state was published; `caught_up`: all joints follow, and the approach is over."""

    arrived_ns: int
    caught_up: bool


def swing(at_s: float) -> np.ndarray:
    """Pose (6,) [rad]; no joint is faster than FASTEST_RAD_S."""
    return CENTRE + AMPLITUDE_RAD * np.sin(FASTEST_RAD_S / AMPLITUDE_RAD * at_s + _PHASES)


class SwingingArm:
    """In motion once made. spoil: what becomes of the k-th command (pose, stamp)."""

    def __init__(
        self, arm: EmulatedArm, spoil: Callable[[int, Command], Command] = lambda k, command: command, **settings: Any
    ) -> None:
        self.arm, self._spoil = arm, spoil
        self.seen: list[Seen] = []
        self.moments: list[Moment] = []
        self.lines: list[str] = []
        self._begin_s = time.monotonic()
        port = arm.begin(swing(0.0))
        self.driver = ArmDriver(
            DriverSettings(port, **settings), CALIBRATION, self._on_state, lambda _, line: self.lines.append(line)
        )
        self._offset_ns = date_of(0)
        self._ending = threading.Event()
        self._commander = threading.Thread(target=self._command)
        self.driver.start()
        self._commander.start()

    def until(self, condition: Callable[[], object], what: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert self.driver.failure is None, self.driver.failure
            assert time.monotonic() < deadline, f"waited for {what}: {self.driver.status()}; log: {self.lines}"
            time.sleep(0.01)

    def swings(self, since_ns: int = 0) -> None:
        """Waits for a state after `since_ns` that follows the commands."""
        self.until(
            lambda: any(m.caught_up and m.arrived_ns > since_ns for m in list(self.moments)), "the arm to follow"
        )

    def recovered_s(self, since_ns: int) -> tuple[float, float]:
        """How long after `since_ns` the first state came, and the first one since when it has followed all the time."""
        moments = [moment for moment in list(self.moments) if moment.arrived_ns > since_ns]
        begin = max((k + 1 for k, moment in enumerate(moments) if not moment.caught_up), default=0)
        return (moments[0].arrived_ns - since_ns) * 1e-9, (moments[begin].arrived_ns - since_ns) * 1e-9

    def told(self, text: str) -> bool:
        status = self.driver.status()
        return text in status.text or text in status.readings.get("also", "") or any(text in s for s in self.lines)

    def finish(self) -> tuple[float, float]:
        """Ends it and checks everything; returns the largest change of a goal [rad] and age of a state [s]."""
        self.until(lambda: self.driver.status().level is not Level.ERROR, "health")
        seen, record = list(self.seen), self.arm.record()
        self.close()
        assert len(record.goals) > 20 and np.ptp([state.position[0] for state in seen]) > 0.1
        return check_goals(record, self.driver.settings.period_s), check_states(record, seen)

    def close(self) -> None:
        self._ending.set()
        self._commander.join()
        self.driver.logic.torque_off = True  # no way down to wait for
        self.driver.close()
        self.arm.end()

    def _on_state(self, state: ArmState) -> None:
        now_ns = time.monotonic_ns()
        self.seen.append(Seen(now_ns, state.stamp_ns - self._offset_ns, state.position))
        logic, health = self.driver.logic, self.driver.logic.health
        follows = logic.mode is Mode.FOLLOWING and all(self.driver.torque.on) and not logic.motion.approaching
        follows = follows and not (health.stall.stalled or health.overload.latched)
        near = bool(np.abs(state.goal - swing(now_ns * 1e-9 - self._begin_s)).max() < _NEAR_RAD)
        self.moments.append(Moment(now_ns, follows and near))

    def _command(self) -> None:
        answered = k = 0
        while not self._ending.wait(1 / 30):
            if len(self.seen) == answered:
                continue  # a policy answers observations only
            answered, k = len(self.seen), k + 1
            stamp_ns = self.seen[-1].stamp_ns + self._offset_ns
            self.driver.command(*self._spoil(k, (swing(time.monotonic() - self._begin_s), stamp_ns)))
