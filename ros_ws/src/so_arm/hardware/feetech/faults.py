"""Faults of the emulated bus: what they are, how a script names them, and what they do to servos and packets."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import NamedTuple

from so_arm.core.errors import UserError, choice_error
from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.servo import HALF_TURN, ROOM_C, SUPPLY_V, Servo


class FaultKind(Enum):
    """The value a fault of that kind takes, and the one it has when none is given."""

    SILENT = "silent"  #: no value; neither hears nor answers
    LOSE_PACKET = "lose_packet"  #: probability per packet, both ways
    LOSE_BYTE = "lose_byte"  #: probability per answer
    CORRUPT = "corrupt"  #: probability per answer that one byte is wrong
    CHECKSUM = "checksum"  #: probability per answer
    LATE = "late"  #: seconds
    UNPLUG = "unplug"  #: no value, no servo; plugged in again when it ends
    VOLTAGE = "voltage"  #: supply [V]
    TEMPERATURE = "temperature"  #: [degrees C]
    OVERLOAD = "overload"  #: no value; latched until torque is switched off
    JAM = "jam"  #: no value; shaft blocked
    ENCODER = "encoder"  #: ticks by which the encoder slips
    WRONG_ID = "wrong_id"  #: the id it has instead; that of another one makes two servos with one id


_DEFAULTS = {
    FaultKind.LOSE_PACKET: 0.1,
    FaultKind.LOSE_BYTE: 1.0,
    FaultKind.CORRUPT: 1.0,
    FaultKind.CHECKSUM: 1.0,
    FaultKind.LATE: 0.02,
    FaultKind.VOLTAGE: 3.5,
    FaultKind.TEMPERATURE: 80.0,
    FaultKind.ENCODER: float(HALF_TURN),
    FaultKind.WRONG_ID: 7.0,
}


@dataclass(frozen=True)
class Fault:
    """servo: its id before the fault, None for all. value: see FaultKind, NaN for its default. Times in seconds."""

    kind: FaultKind
    servo: int | None = None
    value: float = math.nan
    for_s: float = math.inf
    at_s: float = 0.0  #: after the start of the emulator; only in scripts

    @property
    def strength(self) -> float:
        return _DEFAULTS.get(self.kind, 0.0) if math.isnan(self.value) else self.value


def parse_script(text: str) -> list[Fault]:
    """Faults, one per line: `<at seconds> <kind> [servo=ID] [value=NUMBER] [for=SECONDS]`; # starts a comment."""
    lines = (line.split("#")[0].split() for line in text.splitlines())
    return sorted((_parse(words) for words in lines if words), key=lambda fault: fault.at_s)


def read_script(path: Path) -> list[Fault]:
    try:
        return parse_script(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"fault script {path} cannot be read: {error}") from error


def _parse(words: list[str]) -> Fault:
    line = " ".join(words)
    kinds = {kind.value: kind for kind in FaultKind}
    if len(words) > 1 and words[1] not in kinds:
        raise choice_error("fault", words[1], kinds)
    given = dict(word.partition("=")[::2] for word in words[2:])
    if len(words) < 2 or given.keys() - {"servo", "value", "for"}:
        raise UserError(f"fault script: '{line}' is not '<at seconds> <kind> [servo=ID] [value=NUMBER] [for=SECONDS]'")
    try:
        return Fault(
            kinds[words[1]],
            int(given["servo"]) if "servo" in given else None,
            float(given.get("value", "nan")),
            float(given.get("for", "inf")),
            float(words[0]),
        )
    except ValueError as error:
        raise UserError(f"fault script: '{line}': {error}") from None


class Damaged(NamedTuple):
    delay_s: float
    data: bytes  #: empty when the packet is lost


@dataclass
class _Active:
    fault: Fault
    end_s: float
    victims: list[tuple[Servo, int]] = field(default_factory=list)  #: with their ids before


class FaultBox:
    """The faults that act now."""

    def __init__(self, servos: Sequence[Servo], seed: int) -> None:
        self._servos = servos
        self._random = random.Random(seed)
        self._active: list[_Active] = []

    @property
    def unplugged(self) -> bool:
        return any(active.fault.kind is FaultKind.UNPLUG for active in self._active)

    def start(self, fault: Fault, now_s: float) -> None:
        victims = [(servo, servo.id) for servo in self._servos if fault.servo in (None, servo.id)]
        self._active.append(_Active(fault, now_s + fault.for_s, victims))
        for servo, _ in victims:
            _strike(fault, servo)

    def end(self, now_s: float = math.inf, kind: FaultKind | None = None) -> None:
        """Ends those whose time is over by `now_s`, of one kind or of all."""
        for active in [a for a in self._active if a.end_s <= now_s and kind in (None, a.fault.kind)]:
            self._active.remove(active)
            for servo, old_id in active.victims:
                _mend(active.fault, servo, old_id)

    def lose_request(self) -> bool:
        return any(
            self._happens(active.fault)
            for active in self._active
            if active.fault.kind is FaultKind.LOSE_PACKET and active.fault.servo is None
        )

    def damage(self, servo_id: int, data: bytes) -> Damaged:
        """What is left of an answer of `servo_id`."""
        delay_s = 0.0
        for active in self._active:
            fault = active.fault
            if fault.servo not in (None, servo_id) or not data:
                continue
            if fault.kind is FaultKind.LATE:
                delay_s += fault.strength
            elif fault.kind in _SPOIL and self._happens(fault):
                data = _SPOIL[fault.kind](data, self._random)
        return Damaged(delay_s, data)

    def _happens(self, fault: Fault) -> bool:
        return self._random.random() < fault.strength


def _without_a_byte(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data))
    return data[:place] + data[place + 1 :]


def _with_a_wrong_byte(data: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(len(data))
    return data[:place] + bytes((data[place] ^ chance.randrange(1, 256),)) + data[place + 1 :]


_SPOIL = {
    FaultKind.LOSE_PACKET: lambda data, chance: b"",
    FaultKind.LOSE_BYTE: _without_a_byte,
    FaultKind.CORRUPT: _with_a_wrong_byte,
    FaultKind.CHECKSUM: lambda data, chance: data[:-1] + bytes((data[-1] ^ 0xFF,)),
}


def _strike(fault: Fault, servo: Servo) -> None:
    if fault.kind is FaultKind.SILENT:
        servo.connected = False
    elif fault.kind is FaultKind.VOLTAGE:
        servo.supply_v = fault.strength
    elif fault.kind is FaultKind.TEMPERATURE:
        servo.temperature_c = fault.strength
    elif fault.kind is FaultKind.OVERLOAD:
        servo.overload = 1
    elif fault.kind is FaultKind.JAM:
        servo.jammed = True
    elif fault.kind is FaultKind.ENCODER:
        servo.encoder_slip += int(fault.strength)
    elif fault.kind is FaultKind.WRONG_ID:
        servo.put(reg.ID, int(fault.strength))


def _mend(fault: Fault, servo: Servo, old_id: int) -> None:
    """Ends what ends by itself; a latched overload stays."""
    if fault.kind is FaultKind.SILENT:
        servo.connected = True
    elif fault.kind is FaultKind.VOLTAGE:
        servo.supply_v = SUPPLY_V
    elif fault.kind is FaultKind.TEMPERATURE:
        servo.temperature_c = ROOM_C
    elif fault.kind is FaultKind.JAM:
        servo.jammed = False
    elif fault.kind is FaultKind.ENCODER:
        servo.encoder_slip -= int(fault.strength)
    elif fault.kind is FaultKind.WRONG_ID:
        servo.put(reg.ID, old_id)
