"""Orders to a running emulator, one line each: faults, which servos are wired, and a hand that moves the arm."""

from __future__ import annotations

import itertools
import math
import sys
import threading
import time
from typing import TYPE_CHECKING

import numpy as np

from so_arm.core.errors import UserError, choice_error
from so_arm.core.joints import JOINT_NAMES, NUM_JOINTS
from so_arm.hardware.fault_desk import GRAMMAR, FaultDesk
from so_arm.sim.hand import MIDDLE_RAD

if TYPE_CHECKING:
    from rich.console import Console

    from so_arm.hardware.feetech.emulator import Emulator
    from so_arm.sim.live_world import LiveWorld

#: How often the hand is looked at.
_LOOK_S = 0.1

_HELP = f"""\
show                        where the joints are
hand middle                 take the limp arm and lead it to the middle of all ranges
hand JOINT=DEGREES ...      lead these joints there and hold them; the hand keeps what it holds
hand sweep                  lead every joint to both of its ends, one after the other (40 s), then to the middle
hand off                    let go
                            "the hand is there" is said when it has done its way
wire JOINT ... | all | none   only these servos are on the bus
{GRAMMAR}
quit"""


class Orders:
    """Reads standard input."""

    def __init__(self, emulator: Emulator, world: LiveWorld, faults: FaultDesk, out: Console) -> None:
        self._emulator, self._world, self._faults, self._out = emulator, world, faults, out
        self._ways = itertools.count(1)
        self._way = 0
        self._words = {"show": self._show, "hand": self._hand, "wire": self._wire}

    def serve(self) -> None:
        """Until `quit`; without standard input until it is interrupted."""
        for line in sys.stdin:
            if line.split() == ["quit"]:
                return
            if line.split():
                self._out.print(self.obey(line), soft_wrap=True, markup=False)
        threading.Event().wait()

    def obey(self, line: str) -> str:
        """What was done, or what is wrong with the order."""
        first, *words = line.split()
        if first == "help":
            return _HELP
        try:
            return self._words[first](words) if first in self._words else self._faults.order(line)
        except UserError as error:
            return f"{error} (help lists all orders)"

    def _show(self, words: list[str]) -> str:
        with self._world.lock:
            degrees = np.degrees(self._world.arm.joint_position()).tolist()
        with self._emulator.lock:
            states = [(s.id, s.present(), s.load, s.connected) for s in self._emulator.servos]
        return "\n".join(
            f"{name:14} id {servo_id:3}  {ticks:5} ticks  {angle:8.1f} deg  load {load:+.2f}"
            + ("" if wired else "  not wired")
            for name, angle, (servo_id, ticks, load, wired) in zip(JOINT_NAMES, degrees, states, strict=True)
        )

    def _hand(self, words: list[str]) -> str:
        hand = self._world.hand
        pose = np.full(NUM_JOINTS, np.nan) if words not in (["middle"], ["sweep"], ["off"]) else MIDDLE_RAD
        if pose is not MIDDLE_RAD:
            for word in words:
                name, _, value = word.partition("=")
                pose[_joint(name)] = _radians(value)
        with self._world.lock:
            if words == ["off"]:
                hand.let_go()
            elif words == ["sweep"]:
                hand.sweep()
            elif words:
                hand.lead(pose)
        if not words:
            return "hand WHAT? middle, sweep, off or JOINT=DEGREES ..."
        self._way = next(self._ways)
        if words != ["off"]:
            threading.Thread(target=self._tell_arrival, args=(self._way,), daemon=True).start()
        return f"hand: {' '.join(words)}"

    def _tell_arrival(self, way: int) -> None:
        """Unless another order comes before; the servos' thread must not wait for whoever reads this."""
        while self._world.hand.busy and self._way == way:
            time.sleep(_LOOK_S)
        if self._way == way:
            self._out.print("the hand is there")

    def _wire(self, words: list[str]) -> str:
        wired = {"all": list(range(NUM_JOINTS)), "none": []}.get(" ".join(words))
        if wired is None:
            wired = [_joint(name) for name in words]
        with self._emulator.lock:
            for joint, servo in enumerate(self._emulator.servos):
                if joint in wired and not servo.connected:
                    servo.power_up()
                servo.connected = joint in wired
        return f"on the bus: {', '.join(JOINT_NAMES[joint] for joint in wired) or 'no servo'}"


def _joint(name: str) -> int:
    if name not in JOINT_NAMES:
        raise choice_error("joint", name, JOINT_NAMES)
    return JOINT_NAMES.index(name)


def _radians(text: str) -> float:
    try:
        value = math.radians(float(text))
    except ValueError:
        raise UserError(f"'{text}' is not an angle in degrees") from None
    if not math.isfinite(value):
        raise UserError(f"'{text}' is not an angle in degrees")
    return value
