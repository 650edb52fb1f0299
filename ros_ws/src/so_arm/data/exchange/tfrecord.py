"""TFRecord files: records with a length and masked CRC-32C sums, without TensorFlow.

A record is: length (uint64), sum of the length's bytes (uint32), data, sum of the data (uint32); little endian.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import google_crc32c

from so_arm.core.errors import UserError

_LENGTH, _SUM = struct.Struct("<Q"), struct.Struct("<I")
_MASK = 0xA282EAD8
#: Bytes of framing around each record.
FRAMING = _LENGTH.size + 2 * _SUM.size


def masked_crc(data: bytes) -> int:
    """CRC-32C, rotated and shifted: a sum over data that holds sums of its own would else be weak."""
    crc = google_crc32c.value(data)
    return (((crc >> 15) | (crc << 17)) + _MASK) & 0xFFFFFFFF


def write_record(file: BinaryIO, data: bytes) -> None:
    length = _LENGTH.pack(len(data))
    file.write(length + _SUM.pack(masked_crc(length)))
    file.write(data)
    file.write(_SUM.pack(masked_crc(data)))


def read_records(path: Path) -> Iterator[bytes]:
    """The records of a file; UserError that names the record when the file is cut off or damaged."""
    left = path.stat().st_size
    number = 0
    with path.open("rb") as file:
        while left:
            head = file.read(_LENGTH.size + _SUM.size)
            if len(head) < _LENGTH.size + _SUM.size:
                raise UserError(f"{path} is cut off in record {number}")
            _check(head[: _LENGTH.size], head[_LENGTH.size :], path, number, "length")
            (length,) = _LENGTH.unpack(head[: _LENGTH.size])
            left -= length + FRAMING
            if left < 0:
                raise UserError(f"{path} is cut off in record {number}")
            data = file.read(length)
            _check(data, file.read(_SUM.size), path, number, "data")
            yield data
            number += 1


def _check(data: bytes, told: bytes, path: Path, number: int, what: str) -> None:
    (expected,) = _SUM.unpack(told)
    if masked_crc(data) != expected:
        raise UserError(
            f"{path} is damaged: CRC of the {what} of record {number} is {masked_crc(data):08x}, not {expected:08x}"
        )
