"""What the arm is to do in each cycle. No bus, no threads, no clock of its own: time and sweeps come in, goals go out.

Whatever happens, the goal starts from the measured pose; commands are followed while nothing speaks against it.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future
from typing import NamedTuple

import numpy as np

from so_arm.core.calibration import Calibration
from so_arm.core.command_filter import CommandFilter
from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES, LOWER_RAD, MAX_VELOCITY_RAD_S, NUM_JOINTS, UPPER_RAD
from so_arm.core.ticks import TickScale
from so_arm.hardware.driver.health import ArmHealth
from so_arm.hardware.driver.homing import Homing
from so_arm.hardware.driver.motion import Motion
from so_arm.hardware.driver.ranges import CalibratedRanges
from so_arm.hardware.driver.settings import HOLD, LIMP, DriverSettings
from so_arm.hardware.driver.status import ENDING, ERROR, OK, WARN, Mode, Trouble
from so_arm.hardware.driver.watchdog import Watchdog

#: After the goal has reached the rest pose the arm gets that long to settle.
_SETTLE_S = 0.3
#: The way down at the end takes no longer than that, unless it would be faster than that.
_EXIT_S, _FASTEST_EXIT_RAD_S = 3.5, 1.5
#: Ways that have to be done in time make up for late cycles, up to so many of them at once.
_LONGEST_CYCLES = 3
#: A slipped joint that is farther from its goal gets a new one; less is how it sags.
_SLIP_RAD = 0.15
#: Doing nothing else than waiting for commands.
_IDLE = ("silence", "ready", "left alone", "resting")


class Order(NamedTuple):
    """goal (6) [rad], None: write none. torque: which joints are to have it, None: leave it as it is.

    clear: joints whose overload latch is to be cleared.
    """

    goal: list[float] | None
    torque: tuple[bool, ...] | None
    clear: tuple[int, ...] = ()


_NO_TORQUE, _ALL_TORQUE = (False,) * NUM_JOINTS, (True,) * NUM_JOINTS


class ArmLogic:
    """Calls in each cycle: `decide`, then the bus, then `health.saw` or `health.lost`.

    Goals stay within the calibrated range and the joints' own limits; the switches `estopped` and `torque_off` may be
    set at any time.
    """

    def __init__(self, settings: DriverSettings, calibration: Calibration) -> None:
        self.settings = settings
        scale = TickScale(calibration)
        lower, upper = np.maximum(scale.lower_rad, LOWER_RAD), np.minimum(scale.upper_rad, UPPER_RAD)
        stale_after_ns = round(settings.command_timeout * 1e9)
        self.gate = CommandFilter(lower, upper, MAX_VELOCITY_RAD_S, settings.period_s, stale_after_ns)
        self.motion = Motion(settings, self.gate)
        self.health = ArmHealth(settings)
        self.homing = Homing(settings.home_pose, settings.approach_velocity)
        self.watchdog = Watchdog(settings.hold_after_s, settings.lower_after)
        self.mode = Mode.STARTING
        self.estopped = False
        self.torque_off = settings.leader
        self.ending = ""  #: one of EXITS once the driver is to end
        self._ranges = CalibratedRanges(calibration)
        self._why = Trouble(OK, "starting", "waiting for the first sweep")
        self._limp = False  # an emergency stop neither takes torque nor gives it
        self._lowered = False
        self._arrived_s: float | None = None
        self._lowering_velocity = settings.lowering_velocity
        self._held_back: frozenset[int] = frozenset()
        self._now_s = self._dt_s = 0.0
        self._command: list[float] | None = None

    # --- around the cycles ------------------------------------------------------------------------------------

    def disconnected(self) -> None:
        """The arm is out of sight."""
        self.homing.cancel("the connection was lost")
        self.health.forget()
        self.mode = Mode.STARTING
        self._why = Trouble(OK, "starting", "waiting for the first sweep")

    def accept_pose(self, now_s: float) -> None:
        """A human says that the arm may have torque as it is; UserError when it may not."""
        if self.health.heat.hot:
            raise UserError(f"no torque before it has cooled down: {self.health.heat.text}")
        self.torque_off = self._lowered = self._limp = False
        if not self.health.encoder.trusted:
            self.health.encoder.accept()
            self.health.forget()
        self.health.overload.try_again()
        self.watchdog.busy(now_s)

    def go_home(self, asked: Future[str], now_s: float) -> None:
        """`asked` is answered when the arm is there, or with UserError and the reason why not."""
        reason = self.refusal(homing=False)
        if reason or self.health.sample is None:
            asked.set_exception(UserError(reason or "the arm's pose is not known"))
            return
        self._lowered = False
        self.watchdog.forget()  # or the arm would go back to the last command once it is at home
        self.homing.begin(asked, self.health.sample.position, now_s)

    def end(self, how: str) -> None:
        """Begins the way to the end; `ended` tells when it is reached."""
        self.ending = how
        self._lowered = False
        self._hurry()

    @property
    def ended(self) -> bool:
        if self.mode is Mode.STARTING:
            # An arm that holds itself cannot be lowered before its pose is known.
            return self.estopped or self.torque_off or self.ending in (HOLD, LIMP)
        return self.mode in (Mode.LIMP, Mode.ESTOPPED) or self.ending == HOLD

    def refusal(self, homing: bool = True) -> str:
        """Why a command would not be taken now; empty when it would. homing: a trip home counts."""
        if self.settings.leader:
            return "the leader arm takes no commands"
        if self.ending:
            return "the driver is ending"
        if self.estopped:
            return "emergency stop"
        if self.torque_off:
            return "torque is off"
        if self.health.heat.hot:
            return "too hot"
        if not self.health.encoder.trusted:
            return "positions cannot be believed"
        return "homing" if homing and self.homing.active else ""

    def troubles(self, now_s: float) -> list[Trouble]:
        """The worst first; never empty: the last one tells why the arm does what it does."""
        found = [*self.health.troubles(now_s), self._why]
        return sorted(found, key=lambda trouble: -trouble.level)

    # --- one cycle --------------------------------------------------------------------------------------------

    def decide(self, now_s: float, command: list[float] | None, torque: Sequence[bool]) -> Order:
        """command: an accepted one that came since the last cycle; torque: the joints that have it now."""
        if command is not None:
            self._command = command
            self.watchdog.heard(now_s)
        self._dt_s = min(now_s - self._now_s, _LONGEST_CYCLES * self.settings.period_s)
        self._now_s = now_s
        before, (self.mode, self._why) = self.mode, self._choose(now_s, torque)
        if self._why.kind not in _IDLE:
            self.watchdog.busy(now_s)
        self._look_after_homing(now_s)
        sample = self.health.sample
        if self.mode is Mode.STARTING or sample is None:
            return Order(None, None)
        if self.mode is not Mode.ESTOPPED or self.torque_off:
            self._limp = self.mode is Mode.LIMP or self.torque_off
        if self._limp:
            self.motion.restart(sample.position)
            return Order(None, _NO_TORQUE)
        self._enter(before, sample.position, now_s)
        self.homing.still_there &= self.mode in (Mode.HOMING, Mode.HOLDING)
        wanted_torque = self._let_go(torque)
        self._move(now_s, fresh=command is not None or before is not Mode.FOLLOWING)
        # An emergency stop is not the time to try what a servo can do.
        clear = () if self.mode is Mode.ESTOPPED else tuple(self.health.overload.due(now_s))
        return Order(self.motion.goal, wanted_torque, clear)

    def _choose(self, now_s: float, torque: Sequence[bool]) -> tuple[Mode, Trouble]:
        mode, why = self._wanted(now_s)
        if all(torque) or mode in (Mode.STARTING, Mode.LIMP, Mode.ESTOPPED) or not self.health.encoder.trusted:
            return mode, why
        outside = [JOINT_NAMES[joint] for joint in self._outside(torque)]
        if outside:
            text = f"{', '.join(outside)} outside of the calibrated range: move it back by hand, or calibrate"
            return Mode.HOLDING, Trouble(ERROR, "outside", text)
        off = ", ".join(name for name, on in zip(JOINT_NAMES, torque, strict=True) if not on)
        return Mode.HOLDING, Trouble(WARN, "torque", f"torque is coming on: {off}")

    def _outside(self, torque: Sequence[bool]) -> list[int]:
        """Joints that must not get the torque that they lack."""
        sample = self.health.sample
        assert sample is not None
        return [joint for joint in self._ranges.outside(sample.ticks) if not torque[joint]]

    def _wanted(self, now_s: float) -> tuple[Mode, Trouble]:
        health = self.health
        if health.sample is None:
            return Mode.STARTING, Trouble(WARN, "starting", "no position to be believed yet")
        if self.estopped:
            return Mode.ESTOPPED, Trouble(WARN, "estop", "emergency stop: goals are frozen until it is released")
        if self.torque_off:
            return Mode.LIMP, Trouble(OK if self.settings.leader else WARN, "limp", "torque is off")
        if self.ending == LIMP:
            return Mode.LIMP, Trouble(OK, ENDING, "torque goes off at the end")
        if not health.encoder.trusted:
            return Mode.HOLDING, Trouble(WARN, "encoder", "holding: positions cannot be believed")
        if self.ending == HOLD:
            return Mode.HOLDING, Trouble(OK, ENDING, "holding at the end")
        if self.ending or health.heat.hot:
            mode = Mode.LIMP if self._lowered else Mode.LOWERING
            reason = "at the end" if self.ending else "to cool down"
            return mode, Trouble(WARN, f"{mode} {reason}", f"{mode} {reason}")
        if health.blind(now_s):
            return Mode.HOLDING, Trouble(WARN, "silent", "holding: the arm's pose is not known")
        if health.supply.low:
            return Mode.HOLDING, Trouble(WARN, "supply", "holding until the supply is back")
        if self.homing.active:
            return Mode.HOMING, Trouble(OK, "homing", "on the way home")
        return self._left_to_commands(now_s)

    def _left_to_commands(self, now_s: float) -> tuple[Mode, Trouble]:
        if self.watchdog.commanded(now_s):
            self._lowered = False
            return Mode.FOLLOWING, Trouble(OK, "following", "following commands")
        if self._lowered:
            if self.settings.release_after_lowering:
                return Mode.LIMP, Trouble(OK, "resting", "resting without torque, until a command comes")
            return Mode.HOLDING, Trouble(OK, "resting", "resting, until a command comes")
        if self.watchdog.left_alone(now_s):
            return Mode.LOWERING, Trouble(WARN, "left alone", "lowering: nobody commands the arm")
        if self.watchdog.ever_heard:
            silence_s = self.watchdog.silence_s(now_s)
            return Mode.HOLDING, Trouble(WARN, "silence", f"holding: no command for {silence_s:.1f} s")
        return Mode.HOLDING, Trouble(OK, "ready", "holding: no command yet")

    def _look_after_homing(self, now_s: float) -> None:
        if self.homing.active:
            if reason := self.refusal(homing=False):
                self.homing.cancel(reason)
            self.homing.check_time(now_s, self._why.text)

    def _enter(self, before: Mode, measured: Sequence[float], now_s: float) -> None:
        entered = self.mode is not before
        # An old or doubtful pose is none to go back to.
        stop = self.mode is Mode.ESTOPPED and self.health.encoder.trusted and not self.health.blind(now_s)
        if before is Mode.STARTING or self.motion.goal is None or (entered and (self.mode is Mode.FOLLOWING or stop)):
            self.motion.restart(measured, from_home=self.mode is Mode.FOLLOWING and self.homing.begins_at(measured))
        elif entered and self.mode in (Mode.HOMING, Mode.LOWERING):
            self.motion.begin_slew()
        if entered:
            self._arrived_s = None
            if before is Mode.STARTING and self.ending:
                self._hurry()

    def _let_go(self, torque: Sequence[bool]) -> tuple[bool, ...]:
        """Goals of joints that do not hold themselves go where they are; returns which joints are to have torque."""
        raw, goal = self.health.raw, self.motion.goal
        assert raw is not None and goal is not None
        # No joint gets torque at a pose in doubt.
        wanted = list(_ALL_TORQUE if self.health.encoder.trusted else torque)
        for joint in self._outside(torque):
            wanted[joint] = False
        # Also where it is not believed: it is what the servo acts on.
        position = raw.position
        floating = [joint for joint in range(NUM_JOINTS) if not torque[joint]]
        for joint in self.health.encoder.moved_by_themselves():
            # Where no goal can keep the servo from moving, taking its torque does.
            wanted[joint] = torque[joint] and self.motion.reachable(joint, position[joint])
            if abs(position[joint] - goal[joint]) > _SLIP_RAD:
                floating.append(joint)
        if floating:
            self.motion.float_joints(floating, position)
        held_back = frozenset((*self.health.stall.stalled, *self.health.overload.latched))
        if self._held_back - held_back:
            self.motion.approach_again()
        self._held_back = held_back
        return tuple(wanted)

    def _hurry(self) -> None:
        """The way down at the end is done in time."""
        if self.motion.goal is not None:
            farthest = max(abs(a - b) for a, b in zip(self.motion.goal, self.settings.rest_pose, strict=True))
            self._lowering_velocity = min(max(self.settings.lowering_velocity, farthest / _EXIT_S), _FASTEST_EXIT_RAD_S)

    def _move(self, now_s: float, fresh: bool) -> None:
        """fresh: there is a command that is not on its way yet."""
        motion, sample, restrain = self.motion, self.health.sample, self.health.restrain
        assert sample is not None
        if self.mode is Mode.FOLLOWING:
            if fresh and self._command is not None:
                motion.command(self._command, now_s)
            motion.follow(now_s, restrain)
        elif self.mode is Mode.HOMING:
            arrived = motion.slew(self.homing.pose, self.settings.approach_velocity * self._dt_s, restrain)
            self.homing.watch(arrived, sample, now_s)
        elif self.mode is Mode.LOWERING:
            if motion.slew(self.settings.rest_pose, self._lowering_velocity * self._dt_s, restrain):
                self._arrived_s = self._arrived_s or now_s
                self._lowered = now_s - self._arrived_s >= _SETTLE_S
        else:
            motion.hold(restrain)
