"""The arm behind a steady clock: one thread that reads and writes the bus, and what others may ask of it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future

import numpy as np

from so_arm.core.calibration import Calibration
from so_arm.core.clock import date_ns, date_of
from so_arm.core.errors import UserError
from so_arm.core.joints import NUM_JOINTS
from so_arm.hardware.driver.commands import CommandIntake
from so_arm.hardware.driver.connection import CalibrationMismatch, Connection
from so_arm.hardware.driver.deadlines import Deadlines
from so_arm.hardware.driver.logic import ArmLogic
from so_arm.hardware.driver.patience import AnswerPatience
from so_arm.hardware.driver.report import ChangeLog, status_of
from so_arm.hardware.driver.requests import Requests
from so_arm.hardware.driver.sample import ArmState, SampleReader
from so_arm.hardware.driver.settings import HOLD, DriverSettings
from so_arm.hardware.driver.status import ERROR, DriverStatus, Level, Mode, Trouble
from so_arm.hardware.driver.torque import TorqueKeeper
from so_arm.hardware.feetech.errors import BusError, PortBusy, PortDenied
from so_arm.hardware.feetech.state import Sweep
from so_arm.hardware.punctual import DRIVER_PRIORITY, keep_time

#: Pauses between tries to connect.
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 0.5
#: Share of a cycle that may go into asking for lost answers again, and that waiting for one answer may grow to.
_RETRY_SHARE, _LONGEST_MARGIN = 0.9, 0.4
#: Patience with the bus thread: for a request, and for the way down at the end.
_REQUEST_S, _LOWERING_S = 1.0, 4.5
#: A servo that was silent for so many cycles may have been without power.
_SUSPECT_CYCLES = 4


class ArmDriver:
    """on_state: called in the bus thread for every complete, plausible sweep. log: gets one line per change.

    source: the calibration's file, for messages.
    """

    def __init__(
        self,
        settings: DriverSettings,
        calibration: Calibration,
        on_state: Callable[[ArmState], None],
        log: Callable[[Level, str], None] = lambda level, line: None,
        source: str = "FILE",
    ) -> None:
        self.settings = settings
        self.counts: Counter[str] = Counter()
        self._on_state, self._log = on_state, log
        self._reader = SampleReader(calibration)
        self.logic = ArmLogic(settings, calibration)
        self.intake = CommandIntake(self.logic.gate)
        self.connection = Connection(settings, calibration, source)
        self.torque = TorqueKeeper(self.connection.bus)
        self.deadlines = Deadlines(settings.period_s)
        self._patience = AnswerPatience(settings.answer_margin, _LONGEST_MARGIN * settings.period_s)
        self.connect_trouble: Trouble | None = None
        self.real_time = False  #: whether the bus thread runs before all normal ones
        self._requests = Requests()
        self._goal_ticks: list[int | None] = [None] * NUM_JOINTS
        self._silent_cycles = [0] * NUM_JOINTS
        self._unheard: frozenset[int] = frozenset()  # joints that get no goals, because they are not seen to obey
        self._believed = False  # the newest sweep
        self._pause_s, self._connect_s = _FIRST_PAUSE_S, 0.0
        self._changes = ChangeLog(log)
        self.failure: Exception | None = None
        self._stop_s: float | None = None
        self._thread = threading.Thread(target=self._run, name="bus", daemon=True)

    # --- from any thread --------------------------------------------------------------------------------------

    def start(self) -> None:
        """Connects, at most `wait_for_port` long, and starts the bus thread; UserError says what is in the way."""
        until_s = time.monotonic() + self.settings.wait_for_port
        while True:
            try:
                self.connection.open()
                break
            except (PortBusy, PortDenied) as error:
                raise UserError(str(error)) from error
            except BusError as error:
                if time.monotonic() >= until_s:
                    raise UserError(self.connection.explain(error)) from error
            time.sleep(0.1)
        self._thread.start()

    def command(self, position: Sequence[float] | np.ndarray, stamp_ns: int) -> None:
        """Follow `position` (6,) [rad]; stamp_ns: on `core.clock.date_ns`, of the observation that it answers."""
        self.intake.put(position, stamp_ns)

    def estop(self, engage: bool) -> str:
        """Freezes the arm where it is, until released."""
        self.logic.estopped = engage
        if engage and not self.connection.is_open:
            return "emergency stop: the arm is NOT connected and keeps its last goal; cut its power to stop it"
        return "emergency stop: the arm is frozen" if engage else "emergency stop released: the arm holds"

    def enable_torque(self, on: bool) -> str:
        """Torque off; or on, at the measured pose, which also accepts a pose that was in doubt."""
        try:
            return self._requests.ask(self._torque_on if on else self._torque_off).result(_REQUEST_S)
        except TimeoutError:
            raise UserError("not done yet: the driver is busy connecting; it will be done then") from None

    def home(self) -> Future[str]:
        """Slews to the home pose; the future gets UserError when the arm does not get there."""
        return self._requests.begin(lambda answer: self.logic.go_home(answer, time.monotonic()))

    def troubles(self, now_s: float) -> list[Trouble]:
        """The worst first; never empty."""
        trouble = self.connect_trouble
        return [trouble] if trouble else self.logic.troubles(now_s)

    def status(self) -> DriverStatus:
        return status_of(self, time.monotonic())

    def close(self) -> None:
        """Brings the arm to an end as `on_exit` says, an emergency stop apart, which stays frozen; then the port."""
        if self._thread.is_alive():
            self._requests.ask(lambda: self._end(self.settings.on_exit))
            self._thread.join(_LOWERING_S + 5.0)
        self.connection.close()

    # --- requests, in the bus thread --------------------------------------------------------------------------

    def _torque_on(self) -> str:
        if self.settings.leader:
            raise UserError("the leader arm has no torque")
        if self.connect_trouble:
            raise UserError(f"the arm is not connected: {self.connect_trouble.text}")
        self.logic.accept_pose(time.monotonic())
        return "torque comes on at the measured pose"

    def _torque_off(self) -> str:
        self.logic.torque_off = True
        if self.connect_trouble:
            return (
                "torque goes off once the arm is back: it is NOT connected and holds itself; cut its power to end that"
            )
        return "torque goes off"

    def _end(self, how: str) -> None:
        self._stop_s = time.monotonic() + _LOWERING_S
        self.logic.end(how)

    # --- the bus thread ---------------------------------------------------------------------------------------

    def _run(self) -> None:
        self.real_time = keep_time(DRIVER_PRIORITY)
        try:
            self._connected()
            while not self._over():
                self.deadlines.wait()
                self._requests.serve()
                self._act()
                self._changes.note(self.logic.mode, self.troubles(time.monotonic()), self.intake)
            self._finish()
        except Exception as error:
            self.failure = error
            self._log(ERROR, f"the bus thread failed, and the arm keeps its last goal: {error!r}")
        finally:
            self.logic.homing.cancel("the driver has ended")
            self._requests.close()

    def _act(self) -> None:
        try:
            if self.connection.is_open:
                self._cycle()
            else:
                self._reconnect()
        except BusError as error:
            self._disconnected(error)

    def _over(self) -> bool:
        if self._stop_s is None:
            return False
        return self.logic.ended or not self.connection.is_open or time.monotonic() > self._stop_s

    def _cycle(self) -> None:
        command = self.intake.take(date_ns(), self.logic.refusal())
        back, self._unheard = (self._unheard, frozenset()) if self._believed else (frozenset(), self._unheard)
        # What moved on without a joint is not where that joint goes on: it begins where it is, as a limp one does.
        held = [on and joint not in back for joint, on in enumerate(self.torque.on)]
        order = self.logic.decide(time.monotonic(), command, held)
        bus = self.connection.bus
        bus.link.margin_s = self._patience.cycle(bus.link.counts["late_or_stray_answers"])
        sweep = bus.exchange(self._goals(order.goal), _RETRY_SHARE * self.settings.period_s)
        self.counts["cycles"] += 1
        self._judge(sweep, order.goal, time.monotonic())
        for joint in order.clear:
            self.torque.release(joint)
        if order.torque is not None:
            raw = self.logic.health.raw
            ticks = raw.ticks if raw is not None and raw.stamp_ns == sweep.stamp_ns else None
            self.torque.step(order.torque, ticks, time.monotonic(), self.deadlines.left_s)

    def _goals(self, goal: list[float] | None) -> dict[int, int]:
        if goal is None:
            self._goal_ticks = [None] * NUM_JOINTS
            return {}
        ticks = self._reader.scale.ticks_from_rad(goal).tolist()
        self._goal_ticks = [tick if on else None for tick, on in zip(ticks, self.torque.on, strict=True)]
        joints = enumerate(zip(self._reader.ids, ticks, strict=True))
        return {servo_id: tick for joint, (servo_id, tick) in joints if joint not in self._unheard}

    def _judge(self, sweep: Sweep, goal: list[float] | None, now_s: float) -> None:
        health = self.logic.health
        sample = self._reader.read(sweep)
        missing = self._reader.missing(sweep) if sample is None else {}
        self._believed = False
        for joint in range(NUM_JOINTS):
            if joint in missing:
                self._silent_cycles[joint] += 1
                if self._silent_cycles[joint] >= _SUSPECT_CYCLES:
                    # Whoever may be listening under its id is not to be moved.
                    self._unheard |= {joint}
            elif self._silent_cycles[joint]:
                if self._silent_cycles[joint] >= _SUSPECT_CYCLES:
                    # It may have been without power.
                    self.torque.suspect(joint)
                self._silent_cycles[joint] = 0
        if sample is None:
            errors = [self.connection.explain(error) for error in missing.values()]
            health.lost(
                "no servo answers (power, cable or baud rate)" if len(errors) == NUM_JOINTS else "; ".join(errors)
            )
            return
        self._believed = health.saw(sample, now_s, self._goal_ticks, goal)
        if self._believed:
            self.counts["states"] += 1
            self._on_state(sample.state(date_of(sample.stamp_ns), goal))

    # --- connecting, in the bus thread ------------------------------------------------------------------------

    def _connected(self) -> None:
        self.connect_trouble, self._pause_s = None, _FIRST_PAUSE_S
        self.torque.forget()
        self._unheard, self._believed = frozenset(), False
        self.deadlines.restart()

    def _disconnected(self, error: BusError) -> None:
        self.counts["disconnections"] += 1
        self.connection.close()
        self.logic.disconnected()
        self._not_connected(Mode.CONNECTING, self.connection.explain(error))

    def _reconnect(self) -> None:
        if time.monotonic() < self._connect_s:
            return
        try:
            self.connection.open()
        except CalibrationMismatch as error:
            self._not_connected(Mode.REFUSED, str(error))
        except BusError as error:
            self._not_connected(Mode.CONNECTING, self.connection.explain(error))
        else:
            self._connected()
            self.counts["reconnections"] += 1

    def _not_connected(self, mode: Mode, text: str) -> None:
        self.connect_trouble = Trouble(ERROR, mode, text)
        self._connect_s = time.monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, _LONGEST_PAUSE_S)
        self.deadlines.restart()

    def _finish(self) -> None:
        """Torque off, unless the arm is to stay as it is."""
        if self.logic.estopped or self.logic.ending == HOLD or not self.connection.is_open:
            return
        if not self.logic.ended:  # out of time, or nobody knows where the arm is
            self._log(ERROR, "the arm could not be lowered, and its servos hold it: support it, then cut its power")
            return
        try:
            self.connection.bus.disable_torque()
        except BusError as error:
            self._log(ERROR, f"torque could not be switched off: {self.connection.explain(error)}")
