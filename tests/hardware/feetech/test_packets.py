"""Packets against the reference examples, and the decoder against anything at all."""

from __future__ import annotations

import random
from contextlib import suppress

import pytest
from tests.shared_files import reference

from so_arm.hardware.feetech.errors import PacketError
from so_arm.hardware.feetech.packets import (
    Packet,
    StreamParser,
    decode,
    read_request,
    sync_read_request,
    sync_write_request,
    wire_time_s,
    write_request,
)
from so_arm.hardware.feetech.state import STATE_ADDRESS, STATE_SIZE, ServoState

FUZZ_INPUTS = 100_000


def test_requests_are_those_of_the_reference():
    examples = reference("sts3215.json")["protocol_0"]["example_packets"]
    ours = {
        "ping_id1": Packet(1, 1).encode(),
        "read_id1_present_position": read_request(1, 56, 2),
        "write_id1_torque_on": write_request(1, 40, b"\1"),
        "sync_read_pos_ids_1_6": sync_read_request(56, 2, range(1, 7)),
        "sync_write_goal_2048_ids_1_2": sync_write_request(42, 2, {1: b"\0\x08", 2: b"\0\x08"}),
        "status_ok_id1_pos_2047": Packet(1, 0, b"\xff\x07").encode(),
    }
    assert {name: list(data) for name, data in ours.items()} == examples
    for data in ours.values():
        assert decode(data).encode() == data


def test_wire_time_of_the_full_cycle():
    sent = sync_read_request(STATE_ADDRESS, STATE_SIZE, range(1, 7)) + sync_write_request(
        42, 2, dict.fromkeys(range(1, 7), b"\x00\x00")
    )
    answers = 6 * len(Packet(1, 0, bytes(STATE_SIZE)).encode())
    assert wire_time_s(len(sent) + answers, 1_000_000) == pytest.approx(1.66e-3)


@pytest.mark.parametrize("packet", [Packet(255, 1), Packet(-1, 1), Packet(1, 256), Packet(1, 1, bytes(249))])
def test_impossible_packets_are_refused(packet: Packet):
    with pytest.raises(PacketError, match="no such packet"):
        packet.encode()


def test_sync_write_refuses_uneven_parts():
    with pytest.raises(PacketError, match="servo 2"):
        sync_write_request(42, 2, {1: b"ab", 2: b"a"})


def test_stream_finds_packets_between_garbage_byte_by_byte():
    chance = random.Random(1)
    packets = [Packet(chance.randrange(254), chance.randrange(64), chance.randbytes(15)) for _ in range(200)]
    garbage = [bytes(chance.choices(range(255), k=chance.randrange(6))) for _ in packets]
    stream = b"".join(noise + packet.encode() for noise, packet in zip(garbage, packets, strict=True))
    parser = StreamParser()
    found = [packet for byte in stream for packet in parser.feed(bytes((byte,)))]
    assert found == packets
    assert parser.skipped == sum(map(len, garbage))


def test_a_damaged_length_does_not_swallow_the_next_packet():
    damaged = bytearray(Packet(1, 0, bytes(15)).encode())
    damaged[3] = 200
    behind = Packet(2, 0, bytes(15))
    assert StreamParser(max_params=15).feed(damaged + behind.encode()) == [behind]
    patient = StreamParser()
    assert patient.feed(damaged + behind.encode()) == []
    assert patient.give_up_waiting() == [behind]
    assert len(patient) == 0


def test_a_wrong_checksum_is_told_with_the_id():
    data = bytearray(Packet(3, 0, b"ab").encode())
    data[-1] ^= 1
    parser = StreamParser()
    assert parser.feed(data) == []
    assert parser.corrupt == [3]


def test_fuzz():
    """Random bytes, and good packets with damage: packets or PacketError, nothing else."""
    chance = random.Random(0)
    parser = StreamParser()
    for number in range(FUZZ_INPUTS):
        if number % 2:
            data = bytearray(Packet(chance.randrange(255), chance.randrange(256), chance.randbytes(4)).encode())
            data[chance.randrange(len(data))] = chance.choice((0, 0xFF, chance.randrange(256)))
        else:
            data = bytearray(chance.choice((b"", b"\xff\xff")) + chance.randbytes(chance.randrange(20)))
        with suppress(PacketError):
            packet = decode(bytes(data))
            assert packet.encode() == data
        for packet in parser.feed(data):
            assert decode(packet.encode()) == packet
    parser.give_up_waiting()
    assert len(parser) == 0


def test_fuzz_of_state():
    chance = random.Random(0)
    for _ in range(2000):
        state = ServoState.decode(chance.randbytes(STATE_SIZE))
        assert abs(state.position) < 1 << 15
        assert abs(state.load) < 1.024
