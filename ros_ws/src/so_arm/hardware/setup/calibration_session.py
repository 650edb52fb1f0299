"""LeRobot's calibration of an arm, step by step: middle pose, ranges of motion, result into the servos.

Gives the numbers that LeRobot's own procedure gives when the shafts move alike.
"""

from __future__ import annotations

from types import TracebackType

from so_arm.core.calibration import (
    FULL_TURN_JOINT,
    HALF_TURN,
    MAX_HOMING_OFFSET,
    MAX_TICK,
    Calibration,
    JointCalibration,
)
from so_arm.core.calibration_checks import implausible
from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES
from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.bus import FeetechBus
from so_arm.hardware.feetech.errors import ServoFault
from so_arm.hardware.feetech.settings import write_changed
from so_arm.hardware.feetech.state import ServoState
from so_arm.hardware.feetech.stored_calibration import UNCALIBRATED, Stored, of_joint, read_despite_fault
from so_arm.hardware.setup.motor_setup import IDS
from so_arm.hardware.setup.range_recorder import RangeRecorder, RecordedRange
from so_arm.hardware.setup.stored_guard import StoredGuard

#: A joint that was moved less was not moved; a hand on the arm makes that many.
UNMOVED_TICKS = 50
#: What it means that a joint wrapped, and how to mend it.
WRAPPED = "crossed the end of the encoder's turn: the middle pose was not the middle; start again from there"


class CalibrationSession:
    """Makes the arm limp at entry. Leaving before `store` ended puts the servos back as they were.

    Order: `set_middle` in the middle pose, `sample` while the joints are moved, `calibration`, `store`.
    """

    def __init__(self, bus: FeetechBus) -> None:
        self._bus = bus
        self._guard = StoredGuard(bus, IDS.values())
        self._offsets: dict[str, int] = {}
        self._recorder = RangeRecorder(())

    def __enter__(self) -> CalibrationSession:
        refuse_unfit_servos(self._bus)
        self._bus.disable_torque()
        self._guard.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._guard.__exit__(kind, error, at)

    @property
    def taken_back(self) -> bool:
        """Something had been written into the servos, and leaving undid it."""
        return self._guard.taken_back

    @property
    def ranges(self) -> dict[str, RecordedRange]:
        """By joint what `sample` has seen; without the joint that has a full turn."""
        return self._recorder.joints

    @property
    def wrapped(self) -> list[str]:
        """Joints that crossed the end of the encoder's turn: the middle pose was not their middle."""
        return [name for name, joint in self.ranges.items() if joint.wrapped]

    def set_middle(self) -> dict[str, int]:
        """The present pose is the middle of every joint; returns the homing offsets [ticks]."""
        for servo_id in IDS.values():
            single_turn = self._bus.read(servo_id, reg.PHASE) & ~reg.PHASE_MULTI_TURN
            write_changed(self._bus, servo_id, {reg.OPERATING_MODE: reg.POSITION_MODE, reg.PHASE: single_turn})
            self._guard.write(servo_id, UNCALIBRATED)
        for name, position in self._positions(everyone=True).items():
            # The register cannot hold 2048, which position 4095 would need.
            self._offsets[name] = min(MAX_HOMING_OFFSET, position - HALF_TURN)
            self._guard.write(IDS[name], Stored(self._offsets[name], 0, MAX_TICK))
        self._recorder = RangeRecorder(name for name in JOINT_NAMES if name != FULL_TURN_JOINT)
        self.sample()
        return dict(self._offsets)

    def sample(self) -> None:
        """Reads where the joints are now."""
        self._recorder.add(self._positions(everyone=False))

    def calibration(self) -> Calibration:
        """What was measured, with `warnings` about odd ranges; UserError when joints wrapped or were not moved."""
        if self.wrapped:
            raise UserError(f"{', '.join(self.wrapped)}: {WRAPPED}")
        unmoved = [name for name, joint in self.ranges.items() if joint.span < UNMOVED_TICKS]
        if unmoved or not self.ranges:
            raise UserError(f"not moved: {', '.join(unmoved) or 'all'}; move every joint to both of its ends")
        joints = {name: self._joint(name) for name in JOINT_NAMES}
        return Calibration(joints, warnings=implausible(joints))

    def store(self, calibration: Calibration) -> None:
        """Writes it into the servos, for good."""
        for joint in calibration.joints.values():
            self._guard.write(joint.id, of_joint(joint))
        self._guard.accept()

    def _joint(self, name: str) -> JointCalibration:
        if name == FULL_TURN_JOINT:
            low, high = 0, MAX_TICK
        else:
            low, high = self.ranges[name].low, self.ranges[name].high
        return JointCalibration(IDS[name], 0, self._offsets[name], low, high)

    def _positions(self, everyone: bool) -> dict[str, int]:
        sweep = self._bus.read_state()
        if everyone:
            for error in sweep.errors.values():
                raise error
        names = {servo_id: name for name, servo_id in IDS.items()}
        return {names[key]: state.position for key, state in sweep.servos.items() if isinstance(state, ServoState)}


def refuse_unfit_servos(bus: FeetechBus) -> None:
    """UserError when a servo is missing, of another model, or reports what could spoil its EEPROM."""
    sweep = bus.read_state()
    for error in sweep.errors.values():
        raise UserError(f"{error}; so-arm check tells more") from error
    for servo_id, state in sweep.servos.items():
        # An overload goes away with the torque.
        if isinstance(state, ServoState) and (faults := state.faults & ~ServoFault.OVERLOAD):
            raise UserError(f"servo {servo_id} reports {faults.names()}; mend that first (so-arm check tells more)")
        model = read_despite_fault(bus, servo_id, reg.MODEL_NUMBER)
        if model != reg.MODEL_STS3215:
            raise UserError(f"servo {servo_id} is model {model}, not an STS3215 ({reg.MODEL_STS3215})")


def torque_is_on(bus: FeetechBus) -> bool:
    """Some servo holds its joint, which falls when it goes limp."""
    return any(read_despite_fault(bus, servo_id, reg.TORQUE_ENABLE) == reg.TORQUE_ON for servo_id in bus.ids)


def write_into_servos(bus: FeetechBus, calibration: Calibration) -> None:
    """An existing calibration into the servos, all of it or nothing."""
    refuse_unfit_servos(bus)
    bus.disable_torque()
    with StoredGuard(bus, (joint.id for joint in calibration.joints.values())) as guard:
        for joint in calibration.joints.values():
            guard.write(joint.id, of_joint(joint))
        guard.accept()
