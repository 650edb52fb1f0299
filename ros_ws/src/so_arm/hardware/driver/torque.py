"""Brings the servos' torque to what is wanted, a few register accesses per cycle, and notices when one lost it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress

from so_arm.core.joints import NUM_JOINTS
from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.bus import FeetechBus
from so_arm.hardware.feetech.errors import ServoError, StatusError
from so_arm.hardware.feetech.packets import BROADCAST_ID, sync_read_request, write_request
from so_arm.hardware.feetech.settings import ALL_SERVOS

#: Time that one look, or switching one servo, is given [s].
_LOOK_S, _SWITCH_S = 0.0012, 0.004
#: Every servo is looked at that often; at bus rates that leave no room, that seldom [s].
_LOOK_PERIOD_S, _LONGEST_LOOK_PERIOD_S = 0.05, 1.0
#: A servo that does not take a register access is left alone for that time [s].
_RETRY_S = 0.5
#: Torque_Enable, Acceleration. No other answer of the bus has two bytes, so that none can pass for this one.
_LOOK_AT = reg.TORQUE_ENABLE.address
_LOOK_SIZE = 2


class TorqueKeeper:
    """`on`: which joints have torque, as far as known; `restarted`: those found without although they should have it.

    Joints in ``JOINT_NAMES`` order; used by the bus thread only.
    """

    def __init__(self, bus: FeetechBus) -> None:
        self._bus = bus
        self.counts: Counter[str] = Counter()
        self.errors: dict[int, ServoError] = {}
        self.forget()

    def forget(self) -> None:
        """Nothing is known of the servos any more."""
        self.on = [False] * NUM_JOINTS
        self._known = [False] * NUM_JOINTS
        self._retry_s = [0.0] * NUM_JOINTS
        self._suspects: set[int] = set()
        self._next, self._looked_s = 0, 0.0

    def suspect(self, joint: int) -> None:
        """Look at this one next: it may have been without power."""
        self._suspects.add(joint)

    def release(self, joint: int) -> None:
        """Torque off for this joint; it comes on again when it is still wanted."""
        self._switch(joint, False, 0, 0.0)

    def step(self, wanted: Sequence[bool], ticks: Sequence[int] | None, now_s: float, room_s: float) -> None:
        """What fits into `room_s` of: switching servos as `wanted`, holding them at `ticks`, and looking at one."""
        if not self._all_off(wanted, now_s):
            for joint, want in enumerate(wanted):
                settled = self._known[joint] and self.on[joint] == want
                if settled or now_s < self._retry_s[joint] or (want and ticks is None):
                    continue
                self._switch(joint, want, ticks[joint] if ticks is not None else 0, now_s)
                room_s -= _SWITCH_S
                if room_s < _SWITCH_S:
                    return
        pause_s = _LOOK_PERIOD_S if room_s > _LOOK_S else _LONGEST_LOOK_PERIOD_S
        if self._suspects or now_s - self._looked_s > pause_s:
            self._look(now_s)

    def _all_off(self, wanted: Sequence[bool], now_s: float) -> bool:
        """One packet takes torque off all servos at once; then each one has to confirm it."""
        if any(wanted) or not any(self.on):
            return False
        self._bus.link.send(write_request(BROADCAST_ID, reg.TORQUE_ENABLE.address, bytes((reg.TORQUE_OFF,))))
        self.on = [False] * NUM_JOINTS
        self._known = [False] * NUM_JOINTS
        self._retry_s = [now_s] * NUM_JOINTS
        return True

    def _switch(self, joint: int, on: bool, tick: int, now_s: float) -> None:
        try:
            if on:
                # An old goal would make the joint jump.
                self._write(joint, reg.ACCELERATION, ALL_SERVOS[reg.ACCELERATION])
                self._write(joint, reg.LOCK, 1)
                self._write(joint, reg.GOAL_POSITION, tick)
            self._write(joint, reg.TORQUE_ENABLE, reg.TORQUE_ON if on else reg.TORQUE_OFF)
        except ServoError as error:
            self._known[joint], self._retry_s[joint] = False, now_s + _RETRY_S
            self.errors[joint] = error
            self.counts["torque_errors"] += 1
            return
        self.on[joint], self._known[joint] = on, True
        self.errors.pop(joint, None)
        self.counts["torque_on" if on else "torque_off"] += 1

    def _write(self, joint: int, register: reg.Register, value: int) -> None:
        # A servo that reports a fault has done what it was told all the same.
        with suppress(StatusError):
            self._bus.write(self._bus.ids[joint], register, value)

    def _look(self, now_s: float) -> None:
        """One try: a lost answer means another look later."""
        joint = self._suspects.pop() if self._suspects else self._next
        self._next, self._looked_s = (self._next + 1) % NUM_JOINTS, now_s
        servo_id = self._bus.ids[joint]
        request = sync_read_request(_LOOK_AT, _LOOK_SIZE, (servo_id,))
        answer = self._bus.link.ask(request, (servo_id,), _LOOK_SIZE).get(servo_id)
        if answer is None or not self._known[joint]:
            return
        found = answer.params[0] == reg.TORQUE_ON
        if found != self.on[joint]:
            self.counts["servo_restarts" if self.on[joint] else "torque_surprises"] += 1
            self.on[joint] = found
