"""Who is on the bus, and giving a servo its id and baud rate."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from so_arm.core.errors import UserError
from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.bus import FeetechBus
from so_arm.hardware.feetech.errors import CorruptAnswer, ServoError, ServoTimeout, StatusError
from so_arm.hardware.feetech.packets import BROADCAST_ID, Instruction, Packet

#: Silence after which all answers to a broadcast ping have come.
_QUIET_S = 0.1


class FoundServo(NamedTuple):
    id: int
    baud: int
    model: int | None  #: None when it answers a ping but cannot be read
    trouble: str = ""


def scan(bus: FeetechBus, bauds: Iterable[int] = reg.BAUD_RATES.values()) -> list[FoundServo]:
    """Every servo that answers a broadcast ping at one of `bauds`; the port is left at the rate it had."""
    before = bus.link.baud
    found = []
    try:
        for baud in bauds:
            bus.link.set_baud(baud)
            found += [_identify(bus, servo_id) for servo_id in _ids(bus)]
    finally:
        bus.link.set_baud(before)
    return found


def noisy_rates(bus: FeetechBus, bauds: Iterable[int] = reg.BAUD_RATES.values()) -> list[int]:
    """Those of `bauds` where answers come that are no packets: several servos with one id talk at once."""
    before = bus.link.baud
    noisy = []
    try:
        for baud in bauds:
            bus.link.set_baud(baud)
            _call_everybody(bus)
            if bus.link.noise:
                noisy.append(baud)
    finally:
        bus.link.set_baud(before)
    return noisy


def _call_everybody(bus: FeetechBus) -> list[Packet]:
    bus.link.listen(0.0)
    bus.link.send(Packet(BROADCAST_ID, Instruction.PING).encode())
    return bus.link.listen(_QUIET_S)


def _ids(bus: FeetechBus) -> list[int]:
    intact = {packet.id for packet in _call_everybody(bus) if not packet.params}
    # Two servos with one id spoil each other's answers.
    return sorted(intact | {servo_id for servo_id in bus.link.damaged if servo_id <= reg.MAX_ID})


def _identify(bus: FeetechBus, servo_id: int) -> FoundServo:
    try:
        return FoundServo(servo_id, bus.link.baud, bus.read(servo_id, reg.MODEL_NUMBER))
    except StatusError as error:
        return FoundServo(servo_id, bus.link.baud, reg.MODEL_NUMBER.decode(error.data), str(error))
    except ServoError as error:
        return FoundServo(servo_id, bus.link.baud, None, str(error))


def set_id(bus: FeetechBus, servo_id: int, new_id: int) -> None:
    """Gives the servo `servo_id` the id `new_id`, for good. UserError when that id is taken or impossible."""
    if not 0 <= new_id <= reg.MAX_ID:
        raise UserError(f"servo id {new_id} is impossible; choose 0..{reg.MAX_ID}")
    if new_id == servo_id:
        return
    if _is_taken(bus, new_id):
        raise UserError(f"servo id {new_id} is taken; connect only the servo that gets it")
    _unlock(bus, servo_id)
    bus.write(servo_id, reg.ID, new_id)
    bus.write(new_id, reg.LOCK, 1)


def _is_taken(bus: FeetechBus, servo_id: int) -> bool:
    try:
        bus.ping(servo_id)
    except ServoTimeout:
        return False
    except CorruptAnswer:
        pass  # two servos that spoil each other's answers
    return True


def set_baud(bus: FeetechBus, servo_id: int, baud: int) -> None:
    """Sets the servo's baud rate for good and leaves the port at that rate."""
    codes = {rate: code for code, rate in reg.BAUD_RATES.items()}
    if baud not in codes:
        raise UserError(f"baud rate {baud} is not supported; choose one of {', '.join(map(str, codes))}")
    if baud == bus.link.baud:
        return
    _unlock(bus, servo_id)
    bus.write(servo_id, reg.BAUD_RATE, codes[baud])
    bus.link.set_baud(baud)
    bus.write(servo_id, reg.LOCK, 1)


def _unlock(bus: FeetechBus, servo_id: int) -> None:
    bus.write(servo_id, reg.TORQUE_ENABLE, reg.TORQUE_OFF)
    bus.write(servo_id, reg.LOCK, 0)
