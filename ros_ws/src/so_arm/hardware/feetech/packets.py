"""Packets of Feetech's protocol 0: FF FF id length code params checksum.

`code` is the instruction in a request and the error byte in an answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import NamedTuple

from so_arm.hardware.feetech.errors import PacketError
from so_arm.hardware.feetech.registers import MAX_ID

HEADER = b"\xff\xff"
BROADCAST_ID = 254
OVERHEAD = 6  #: bytes of a packet around its params
MAX_LENGTH = 250  #: largest length byte; servos and SDK refuse more
MAX_PARAMS = MAX_LENGTH - 2


class Instruction(IntEnum):
    PING = 0x01
    READ = 0x02
    WRITE = 0x03
    REG_WRITE = 0x04
    ACTION = 0x05
    FACTORY_RESET = 0x06
    REBOOT = 0x08
    RESET_TURNS = 0x0A
    CALIBRATE_OFFSET = 0x0B
    SYNC_READ = 0x82
    SYNC_WRITE = 0x83


class Packet(NamedTuple):
    id: int
    code: int
    params: bytes = b""

    def encode(self) -> bytes:
        """The bytes on the wire; PacketError when a field does not fit."""
        if not (0 <= self.id <= BROADCAST_ID and 0 <= self.code <= 255 and len(self.params) <= MAX_PARAMS):
            raise PacketError(f"no such packet: id {self.id}, code {self.code}, {len(self.params)} params")
        body = bytes((self.id, len(self.params) + 2, self.code)) + self.params
        return HEADER + body + bytes((checksum(body),))


def checksum(body: bytes) -> int:
    """Checksum of everything between header and checksum."""
    return ~sum(body) & 0xFF


def decode(data: bytes) -> Packet:
    """The one packet that `data` is; PacketError otherwise."""
    if len(data) < OVERHEAD or data[:2] != HEADER:
        raise PacketError(f"not a packet: {data[:16].hex(' ') or 'nothing'}")
    if data[2] > BROADCAST_ID or data[3] > MAX_LENGTH or len(data) != data[3] + 4:
        raise PacketError(f"id or length is wrong: {data[:16].hex(' ')}")
    if checksum(data[2:-1]) != data[-1]:
        raise PacketError(f"checksum is {data[-1]:#04x} instead of {checksum(data[2:-1]):#04x}")
    return Packet(data[2], data[4], bytes(data[5:-1]))


class StreamParser:
    """Finds packets in bytes as they come, and finds the next one after garbage.

    max_params: packets with more params are taken for garbage; a small number keeps a damaged length byte from
    swallowing the packets behind it. `corrupt` lists the ids of packets with a wrong checksum, as far as readable.
    """

    def __init__(self, max_params: int = MAX_PARAMS) -> None:
        self.max_params = max_params
        self.corrupt: list[int] = []
        self.skipped = 0  #: bytes that belong to no packet
        self._buffer = bytearray()

    def __len__(self) -> int:
        """Bytes that wait for the rest of their packet."""
        return len(self._buffer)

    def clear(self) -> None:
        self._buffer.clear()
        self.corrupt.clear()
        self.skipped = 0

    def feed(self, data: bytes) -> list[Packet]:
        """Packets that are complete now."""
        self._buffer += data
        return self._scan()

    def give_up_waiting(self) -> list[Packet]:
        """No more bytes will come: packets behind the header whose packet stayed incomplete."""
        found: list[Packet] = []
        while self._buffer:
            self._skip(1)
            found += self._scan()
        return found

    def _scan(self) -> list[Packet]:
        found: list[Packet] = []
        buffer = self._buffer
        while True:
            start = buffer.find(HEADER)
            if start < 0:
                # The last byte may be the first half of a header.
                self._skip(len(buffer) - (buffer[-1:] == b"\xff"))
                return found
            self._skip(start)
            if len(buffer) < 4:
                return found
            length = buffer[3]
            if buffer[2] > BROADCAST_ID or not 2 <= length <= self.max_params + 2:
                self._skip(1)
                continue
            end = length + 4
            if len(buffer) < end:
                return found
            if ~sum(buffer[2 : end - 1]) & 0xFF != buffer[end - 1]:
                self.corrupt.append(buffer[2])
                self._skip(1)
                continue
            found.append(Packet(buffer[2], buffer[4], bytes(buffer[5 : end - 1])))
            del buffer[:end]

    def _skip(self, count: int) -> None:
        if count:
            del self._buffer[:count]
            self.skipped += count


def read_request(servo_id: int, address: int, count: int) -> bytes:
    return Packet(servo_id, Instruction.READ, bytes((address, count))).encode()


def write_request(servo_id: int, address: int, data: bytes) -> bytes:
    return Packet(servo_id, Instruction.WRITE, bytes((address,)) + data).encode()


def sync_read_request(address: int, count: int, servo_ids: Iterable[int]) -> bytes:
    return Packet(BROADCAST_ID, Instruction.SYNC_READ, bytes((address, count, *servo_ids))).encode()


def sync_write_request(address: int, count: int, data: Mapping[int, bytes]) -> bytes:
    """`data`: `count` bytes for each servo id."""
    for servo_id, part in data.items():
        if not 0 <= servo_id <= MAX_ID or len(part) != count:
            raise PacketError(f"sync write of {count} bytes: servo {servo_id} has {len(part)}")
    params = b"".join(bytes((servo_id,)) + part for servo_id, part in data.items())
    return Packet(BROADCAST_ID, Instruction.SYNC_WRITE, bytes((address, count)) + params).encode()


def wire_time_s(count: int, baud: int) -> float:
    """Seconds that `count` bytes take on the wire: start bit, eight data bits, stop bit."""
    return count * 10.0 / baud
