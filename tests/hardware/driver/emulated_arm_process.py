"""The emulator's process of `EmulatedArm`: serves its calls on the pipe whose number it is started with."""

from __future__ import annotations

import sys
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import numpy as np

from so_arm.core.calibration_formats import read_calibration
from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.emulator import Emulator
from so_arm.hardware.feetech.faults import Fault
from so_arm.hardware.feetech.packets import Instruction, Packet
from so_arm.hardware.feetech.plant import FirstOrderPlant, Motion
from so_arm.hardware.feetech.preset import servos_of


class Recorder:
    """The emulator, its plant, and the record."""

    def __init__(self) -> None:
        self._goals: list[tuple[int, dict[int, int]]] = []
        self._positions: list[tuple[int, tuple[int, ...]]] = []
        self._emulator: Emulator | None = None

    def begin(self, calibration_file: str, pose: list[float]) -> str:
        self.end()
        self._goals, self._positions = [], []
        self._servos = servos_of(read_calibration(Path(calibration_file)), np.array(pose))
        self._plant = FirstOrderPlant(np.array([servo.shaft for servo in self._servos]))
        self._emulator = Emulator(self._servos, self._move, on_request=self._hear).start()
        return str(self._emulator.path)

    def inject(self, *faults: Fault) -> int:
        assert self._emulator is not None
        with self._emulator.lock:
            at_ns = self._note()
            for fault in faults:
                self._emulator.inject(fault)
        return at_ns

    def clear(self) -> int:
        assert self._emulator is not None
        with self._emulator.lock:
            at_ns = self._note()
            self._emulator.clear()
        return at_ns

    def record(self) -> tuple[list[Any], list[Any]]:
        if self._emulator is not None:
            with self._emulator.lock:
                self._note()
                return list(self._goals), list(self._positions)
        return self._goals, self._positions

    def end(self) -> None:
        if self._emulator is not None:
            self._emulator.stop()
            self._emulator = None

    def _move(self, goal: np.ndarray, torque: np.ndarray, dt_s: float) -> Motion:
        self._note()
        return self._plant(goal, torque, dt_s)

    def _note(self) -> int:
        now_ns = time.monotonic_ns()
        ticks = tuple(servo.get(reg.PRESENT_POSITION) for servo in self._servos)
        self._positions.append((now_ns, ticks))
        return now_ns

    def _hear(self, packet: Packet) -> None:
        goals = _goals_in(packet)
        if goals:
            self._goals.append((time.monotonic_ns(), goals))


def _goals_in(packet: Packet) -> dict[int, int]:
    code, params = packet.code, packet.params
    if not params or params[0] != reg.GOAL_POSITION.address:
        return {}
    if code == Instruction.SYNC_WRITE:
        parts = [params[k : k + 3] for k in range(2, len(params), 3)]
        return {part[0]: reg.GOAL_POSITION.decode(part[1:]) for part in parts}
    return {packet.id: reg.GOAL_POSITION.decode(params[1:3])} if code == Instruction.WRITE else {}


def serve(line: Connection) -> None:
    recorder = Recorder()
    line.send("ready")
    while True:
        try:
            name, arguments = line.recv()
        except EOFError:
            return
        line.send(getattr(recorder, name)(*arguments))


if __name__ == "__main__":
    serve(Connection(int(sys.argv[1])))
