"""The servos of one arm on one port: state of all in one transaction, goals of all in one transaction.

Packets are built and read here and not by the SDK: its GroupSyncRead stops at the first servo that fails and loses
those behind it, drops the error byte, returns 0 for what did not come, polls without sleeping, times with the wall
clock, and never discards old input before a request. How late answers are told from fresh ones: `losses.py`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from types import TracebackType

from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.errors import (
    CorruptAnswer,
    ServoError,
    ServoFault,
    ServoTimeout,
    StatusError,
)
from so_arm.hardware.feetech.link import Link
from so_arm.hardware.feetech.losses import LossMemory
from so_arm.hardware.feetech.packets import (
    BROADCAST_ID,
    OVERHEAD,
    Instruction,
    Packet,
    read_request,
    sync_read_request,
    sync_write_request,
    wire_time_s,
    write_request,
)
from so_arm.hardware.feetech.state import STATE_ADDRESS, STATE_SIZE, ServoState, Sweep

#: Answers that are not kept by the adapter or the machine come that soon.
_PUNCTUAL_S = 0.001

ARM_IDS = (1, 2, 3, 4, 5, 6)  #: in the order of the joints


class FeetechBus:
    """Used by one thread. Every method raises PortError when the port is gone; `open` then opens it again.

    retries: how often a lost answer is asked for again. margin_s: how much later than on the wire answers may come.
    """

    def __init__(
        self,
        path: str,
        ids: Sequence[int] = ARM_IDS,
        baud: int = 1_000_000,
        retries: int = 2,
        margin_s: float = 0.004,
    ) -> None:
        self.ids = tuple(ids)
        self.retries = retries
        self.link = Link(path, baud, margin_s)
        self._losses = LossMemory(range(STATE_SIZE, reg.TABLE_SIZE - STATE_ADDRESS + 1))
        self._errors: dict[int, ServoError] = {}

    def open(self) -> FeetechBus:
        self.link.open()
        return self

    def close(self) -> None:
        self.link.close()

    def __enter__(self) -> FeetechBus:
        return self if self.link.is_open else self.open()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    # --- all servos at once -----------------------------------------------------------------------------------

    def read_state(self, budget_s: float | None = None) -> Sweep:
        """State of all servos. Lost answers are asked for again while `budget_s` lasts."""
        return self._sweep(b"", budget_s)

    def write_goals(self, goals: Mapping[int, int]) -> None:
        """Goal positions [ticks] by id. Nobody confirms them."""
        self.link.send(_goal_request(goals))

    def exchange(self, goals: Mapping[int, int], budget_s: float | None = None) -> Sweep:
        """`write_goals` and `read_state` in one transmission, which saves a turn-round of the adapter."""
        return self._sweep(_goal_request(goals), budget_s)

    def _sweep(self, ahead: bytes, budget_s: float | None) -> Sweep:
        stamp_ns = time.monotonic_ns()
        end_s = math.inf if budget_s is None else stamp_ns * 1e-9 + budget_s
        asked = waiting = self._losses.due(self.ids, stamp_ns * 1e-9)
        states: dict[int, ServoState] = {}
        for attempt in range(1 + self.retries):
            if not waiting or (attempt and time.monotonic() + self._needed_s(waiting) > end_s):
                break
            states |= self._ask_state(ahead, waiting, end_s if attempt else math.inf)
            ahead = b""
            waiting = self._losses.again([servo_id for servo_id in waiting if servo_id not in states])
        if ahead:
            self.link.send(ahead)
        self._losses.end_of_sweep(states, [servo_id for servo_id in asked if servo_id not in states])
        return Sweep(stamp_ns, {servo_id: states.get(servo_id) or self._errors[servo_id] for servo_id in self.ids})

    def _ask_state(self, ahead: bytes, ids: tuple[int, ...], latest_s: float) -> dict[int, ServoState]:
        """One try."""
        length = self._losses.length(ids, time.monotonic())
        states: dict[int, ServoState] = {}

        def decode(answer: Packet) -> None:
            # While those of the other servos are still on the wire.
            states[answer.id] = ServoState.decode(answer.params)

        answers = self.link.ask(ahead + _state_request(length, ids), ids, length, decode, latest_s)
        if len(answers) == len(ids):
            return states
        for servo_id in ids:
            if servo_id not in answers:
                states.pop(servo_id, None)
                self._errors[servo_id] = self.link.why(servo_id)
                self._losses.lost(servo_id, length, time.monotonic())
                self.link.counts["lost_answers"] += 1
        return states

    def _needed_s(self, ids: tuple[int, ...]) -> float:
        """What another try with `ids` takes when its answers are punctual: most are, and it is worth trying."""
        count = OVERHEAD + 2 + len(ids) + len(ids) * (OVERHEAD + STATE_SIZE)
        return wire_time_s(count, self.link.baud) + min(self.link.margin_s, _PUNCTUAL_S)

    # --- one servo at a time ----------------------------------------------------------------------------------

    def ping(self, servo_id: int) -> ServoFault:
        """Faults that the servo reports; ServoTimeout when it is not there."""
        request = Packet(servo_id, Instruction.PING).encode()
        return ServoFault(self.link.ask_one(request, servo_id, 0, 1 + self.retries).code & 0x3F)

    def read_bytes(self, servo_id: int, address: int, count: int) -> bytes:
        request = read_request(servo_id, address, count)
        answer = self.link.ask_one(request, servo_id, count, 1 + self.retries)
        return _checked(answer)

    def read(self, servo_id: int, register: reg.Register) -> int:
        """Decoded register value; StatusError when the servo reports a fault (its `data` holds the bytes)."""
        return register.decode(self.read_bytes(servo_id, register.address, register.size))

    def write(self, servo_id: int, register: reg.Register, value: int) -> None:
        """Writes and waits for the confirmation; StatusError when the servo did it and reports a fault.

        Without a confirmation (lost, or the servo is set to give none) the register is read back.
        """
        data = register.encode(value)
        request = write_request(servo_id, register.address, data)
        try:
            answer = self.link.ask_one(request, servo_id, 0, 1 + self.retries)
        except (ServoTimeout, CorruptAnswer):
            if self.read_bytes(servo_id, register.address, register.size) != data:
                raise
            return
        _checked(answer)

    # --- torque -----------------------------------------------------------------------------------------------

    def enable_torque(self) -> None:
        """All servos hold where they are. When one cannot be read nothing is enabled and its error is raised."""
        sweep = self.read_state()
        for error in sweep.errors.values():
            raise error
        for servo_id, state in sweep.servos.items():
            # An old goal would make the arm jump.
            if isinstance(state, ServoState):
                self.write(servo_id, reg.GOAL_POSITION, state.position)
        for servo_id in self.ids:
            self.write(servo_id, reg.TORQUE_ENABLE, reg.TORQUE_ON)
            self.write(servo_id, reg.LOCK, 1)

    def disable_torque(self) -> None:
        """All servos go limp; an unreachable one does not keep the others from it and its error is raised at the end.

        Also clears a latched overload.
        """
        self.link.send(write_request(BROADCAST_ID, reg.TORQUE_ENABLE.address, bytes((reg.TORQUE_OFF,))))
        first_error: ServoError | None = None
        for servo_id in self.ids:
            try:
                with suppress(StatusError):
                    self.write(servo_id, reg.TORQUE_ENABLE, reg.TORQUE_OFF)
            except ServoError as error:
                first_error = first_error or error
        if first_error is not None:
            raise first_error


@cache
def _state_request(length: int, ids: tuple[int, ...]) -> bytes:
    return sync_read_request(STATE_ADDRESS, length, ids)


def _goal_request(goals: Mapping[int, int]) -> bytes:
    encode = reg.GOAL_POSITION.encode
    data = {servo_id: encode(goal) for servo_id, goal in goals.items()}
    return sync_write_request(reg.GOAL_POSITION.address, reg.GOAL_POSITION.size, data) if data else b""


def _checked(answer: Packet) -> bytes:
    if answer.code:
        raise StatusError(answer.id, ServoFault(answer.code & 0x3F), answer.params)
    return answer.params
