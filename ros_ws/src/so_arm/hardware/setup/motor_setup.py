"""Servos from the box get the ids of their joints, one servo at a time, the gripper's first as LeRobot does."""

from __future__ import annotations

from collections.abc import Sequence

from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES
from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.bus import ARM_IDS, FeetechBus
from so_arm.hardware.feetech.errors import ServoError, VerifyError
from so_arm.hardware.feetech.identity import FoundServo, noisy_rates, scan, set_baud, set_id

BAUD = reg.BAUD_RATES[0]
FACTORY_ID = 1
IDS = dict(zip(JOINT_NAMES, ARM_IDS, strict=True))
#: Servos from the box all have the factory's id.
TALK_AT_ONCE = "several servos with one id talk at once; connect only one of them"
ORDER = tuple(reversed(JOINT_NAMES))  #: gripper first


class MotorSetup:
    """Servos that are done may stay connected; only one at a time may be there that is not."""

    def __init__(self, bus: FeetechBus) -> None:
        self._bus = bus
        self.done: list[str] = []

    def resume(self) -> list[str]:
        """Joints, from the gripper on, whose servos are connected and have their ids already."""
        there = {servo.id for servo in scan(self._bus, (BAUD,)) if servo.model == reg.MODEL_STS3215}
        self.done = []
        for joint in ORDER:
            if IDS[joint] not in there:
                break
            self.done.append(joint)
        return list(self.done)

    def find(self, joint: str) -> FoundServo:
        """The servo for `joint`: the only one that is not done yet, at whatever id and rate it has."""
        finished = {(IDS[name], BAUD) for name in self.done if name != joint}
        found = scan(self._bus)
        fresh = [servo for servo in found if (servo.id, servo.baud) not in finished]
        if not fresh:
            raise UserError(TALK_AT_ONCE if noisy_rates(self._bus) else _nobody(joint, found))
        for servo in fresh:
            if servo.model is None:
                raise UserError(_unreadable(servo))
        if len(fresh) > 1:
            raise UserError(_too_many(joint, fresh))
        servo = fresh[0]
        if servo.trouble:
            raise UserError(f"{servo.trouble}; mend that first (is it the right power supply?)")
        if servo.model != reg.MODEL_STS3215:
            raise UserError(f"servo {servo.id} is model {servo.model}, not an STS3215 ({reg.MODEL_STS3215})")
        return servo

    def give(self, joint: str, servo: FoundServo) -> bool:
        """Gives `servo` the id of `joint` and 1 Mbps, and reads both back; False when it had them already."""
        wanted = IDS[joint]
        try:
            self._bus.link.set_baud(servo.baud)
            set_id(self._bus, servo.id, wanted)
            set_baud(self._bus, wanted, BAUD)
            self._verify(wanted)
        except ServoError as error:
            raise UserError(f"{joint}: {error}; try again with the same servo") from error
        finally:
            self._bus.link.set_baud(BAUD)
        if joint not in self.done:
            self.done.append(joint)
        return (servo.id, servo.baud) != (wanted, BAUD)

    def _verify(self, servo_id: int) -> None:
        for register, wanted in ((reg.ID, servo_id), (reg.BAUD_RATE, 0), (reg.LOCK, 1)):
            found = self._bus.read(servo_id, register)
            if found != wanted:
                raise VerifyError(servo_id, f"{register.name} reads {found} after {wanted} was written")


def owner(servo: FoundServo, joint: str) -> str | None:
    """The other joint that `servo` was set up for, as far as its id tells: the factory's says nothing."""
    if servo.id in (FACTORY_ID, IDS[joint]):
        return None
    return next((name for name, servo_id in IDS.items() if servo_id == servo.id), None)


def _nobody(joint: str, found: Sequence[FoundServo]) -> str:
    if found:
        there = ", ".join(str(servo.id) for servo in found)
        return f"only servos that are done answer ({there}); connect the one of {joint}"
    return "no servo answers at any baud rate; check the power supply and the 3-pin cable"


def _unreadable(servo: FoundServo) -> str:
    return f"servo {servo.id} cannot be read: two servos with this id, or a bad contact; connect only one servo"


def _too_many(joint: str, fresh: Sequence[FoundServo]) -> str:
    names = ", ".join(f"{servo.id} ({servo.baud} baud)" for servo in fresh)
    taken = IDS[joint] in {servo.id for servo in fresh}
    reason = f"id {IDS[joint]} of {joint} is taken" if taken else "only one may be new"
    return f"servos {names} answer, {reason}; connect only the one of {joint}"
