"""What one servo tells about itself, decoded from its 15 bytes of state, and one sweep over all servos."""

from __future__ import annotations

import struct
from typing import NamedTuple

from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.errors import ServoError, ServoFault

STATE_ADDRESS = reg.PRESENT_POSITION.address
STATE_SIZE = reg.PRESENT_CURRENT.address + reg.PRESENT_CURRENT.size - STATE_ADDRESS

# position, velocity, load, voltage, temperature, (async flag), status, moving, (present goal), current
_LAYOUT = struct.Struct("<HHHBBxBBxxH")


class ServoState(NamedTuple):
    position: int  #: [ticks], homing offset applied by the servo
    velocity: int  #: [ticks/s]
    load: float  #: fraction of stall torque, signed
    voltage: float  #: [V]
    temperature: int  #: [degrees C]
    current: float  #: [A]
    moving: bool
    faults: ServoFault

    @classmethod
    def decode(cls, data: bytes) -> ServoState:
        """`data`: at least STATE_SIZE bytes from STATE_ADDRESS on."""
        position, velocity, load, voltage, temperature, faults, moving, current = _LAYOUT.unpack_from(data)
        return cls(
            -(position & 0x7FFF) if position & 0x8000 else position,
            -(velocity & 0x7FFF) if velocity & 0x8000 else velocity,
            (-(load & 0x3FF) if load & 0x400 else load & 0x3FF) * reg.LOAD,
            voltage * reg.VOLT,
            temperature,
            (-(current & 0x7FFF) if current & 0x8000 else current) * reg.AMPERE,
            bool(moving),
            _FAULTS[faults],
        )


# Making an IntFlag takes longer than all the rest of decoding.
_FAULTS = tuple(ServoFault(bits & 0x3F) for bits in range(256))


class Sweep(NamedTuple):
    """State of all servos that were asked: for each id a value, or the error why there is none.

    stamp_ns: time.monotonic_ns before the first request was sent; no value was sampled earlier.
    """

    stamp_ns: int
    servos: dict[int, ServoState | ServoError]

    @property
    def errors(self) -> dict[int, ServoError]:
        return {servo_id: found for servo_id, found in self.servos.items() if isinstance(found, ServoError)}
