"""Servos on one wire: who hears a packet, who answers it in which order, and the plant that moves them all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from so_arm.hardware.feetech.packets import BROADCAST_ID, OVERHEAD, Instruction, Packet
from so_arm.hardware.feetech.plant import Plant
from so_arm.hardware.feetech.servo import Servo


class Reply(NamedTuple):
    """`gap_s` of silence, then `data`; or, from a servo that stays away, silence for `silent_bytes`."""

    servo_id: int
    gap_s: float
    data: bytes
    silent_bytes: int = 0


class ServoChain:
    """`plant` has one shaft per servo, in the order of `servos`."""

    def __init__(self, servos: Sequence[Servo], plant: Plant) -> None:
        self.servos = list(servos)
        self._plant = plant

    def handle(self, packet: Packet, baud: int) -> list[Reply]:
        """What comes back, in the order on the wire, when the host sends `packet` at `baud`."""
        hearing = [servo for servo in self.servos if servo.connected and servo.baud == baud]
        if packet.code == Instruction.SYNC_WRITE:
            self._sync_write(packet, hearing)
            return []
        if packet.code == Instruction.SYNC_READ:
            return self._sync_read(packet, hearing)
        addressed = [servo for servo in hearing if packet.id in (servo.id, BROADCAST_ID)]
        by_id: dict[int, list[Servo]] = {}
        for servo in sorted(addressed, key=lambda servo: servo.id):
            by_id.setdefault(servo.id, []).append(servo)
        replies = (_together(servo_id, servos, packet) for servo_id, servos in by_id.items())
        return [reply for reply in replies if reply.data]

    def advance(self, dt_s: float) -> None:
        """Moves all shafts on by `dt_s`."""
        goal = np.array([servo.shaft_goal(dt_s) for servo in self.servos])
        torque = np.array([servo.torque() for servo in self.servos])
        shafts, velocities, loads = self._plant(goal, torque, dt_s)
        columns = (shafts.tolist(), velocities.tolist(), loads.tolist())
        for servo, shaft, velocity, load in zip(self.servos, *columns, strict=True):
            servo.moved(shaft, velocity, load, dt_s)

    def _sync_write(self, packet: Packet, hearing: list[Servo]) -> None:
        if packet.id != BROADCAST_ID or len(packet.params) < 2:
            return
        address, count = packet.params[:2]
        parts = packet.params[2:]
        for start in range(0, len(parts) - count, count + 1):
            data = parts[start + 1 : start + 1 + count]
            for servo in hearing:
                if servo.id == parts[start]:
                    servo.write(address, data)

    def _sync_read(self, packet: Packet, hearing: list[Servo]) -> list[Reply]:
        if packet.id != BROADCAST_ID or len(packet.params) < 2:
            return []
        address, count = packet.params[:2]
        replies = []
        for servo_id in packet.params[2:]:
            asked = [servo for servo in hearing if servo.id == servo_id]
            question = Packet(servo_id, Instruction.READ, bytes((address, count)))
            reply = _together(servo_id, asked, question)
            # Those behind one that stays away answer when its time is over.
            replies.append(reply if reply.data else Reply(servo_id, 0.0, b"", OVERHEAD + count))
        return replies


def _together(servo_id: int, servos: list[Servo], packet: Packet) -> Reply:
    """One answer; several servos with one id talk at once, each a byte later than the one before.

    On the wire a 0 wins over a 1, and silence is 1.
    """
    answers = [answer for servo in servos if (answer := servo.answer(packet))]
    if not answers:
        return Reply(servo_id, 0.0, b"")
    data = bytearray(b"\xff" * (max(map(len, answers)) + len(answers) - 1))
    for late, answer in enumerate(answers):
        for place, byte in enumerate(answer, start=late):
            data[place] &= byte
    return Reply(servo_id, min(servo.return_delay_s for servo in servos), bytes(data))
