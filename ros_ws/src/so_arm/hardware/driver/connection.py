"""From a path to an arm that may be moved: port, servos, calibration, settings; and every reason why not."""

from __future__ import annotations

from contextlib import suppress

from so_arm.core.calibration import GRIPPER_NAME, Calibration
from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES
from so_arm.hardware.driver.settings import DriverSettings
from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.bus import FeetechBus
from so_arm.hardware.feetech.errors import BusError, ServoError, ServoFault, StatusError
from so_arm.hardware.feetech.settings import apply_start_settings
from so_arm.hardware.feetech.stored_calibration import Stored, of_joint, read_mismatches

#: Nothing is in a hurry here, and every answer counts.
_MARGIN_S = 0.02


class CalibrationMismatch(UserError):
    """The servos keep another calibration than the file says: radians would be wrong, and so would limits."""


class Connection:
    """`bus` is open, and its servos are those of `calibration`, between `open` and `close`."""

    def __init__(self, settings: DriverSettings, calibration: Calibration, source: str) -> None:
        self._calibration = calibration
        self._source = source
        ids = tuple(joint.id for joint in calibration.in_order())
        self._names = dict(zip(ids, JOINT_NAMES, strict=True))
        self.bus = FeetechBus(settings.port, ids, settings.baud)
        self.is_open = False

    def open(self) -> None:
        """BusError when port or servos are not there, CalibrationMismatch when they are not what the file says."""
        self.close()
        self.bus.link.margin_s = _MARGIN_S
        try:
            self.bus.open()
            for servo_id in self.bus.ids:
                self._greet(servo_id)
            mismatches = read_mismatches(self.bus, self._calibration)
            if mismatches:
                raise CalibrationMismatch(self._explain(mismatches))
            apply_start_settings(self.bus, self._calibration.joints[GRIPPER_NAME].id)
        except (BusError, UserError):
            self.close()
            raise
        self.is_open = True

    def close(self) -> None:
        self.is_open = False
        self.bus.close()

    def explain(self, error: BusError) -> str:
        """The error in one line, with the joint's name."""
        if isinstance(error, ServoError) and error.servo_id in self._names:
            return f"{self._names[error.servo_id]}: {error}"
        return str(error)

    def _greet(self, servo_id: int) -> None:
        if self.bus.ping(servo_id) & ServoFault.OVERLOAD:
            # Settings are refused as long as it is latched.
            with suppress(StatusError):
                self.bus.write(servo_id, reg.TORQUE_ENABLE, reg.TORQUE_OFF)

    def _explain(self, mismatches: dict[str, Stored]) -> str:
        registers = (reg.HOMING_OFFSET.name, reg.MIN_POSITION_LIMIT.name, reg.MAX_POSITION_LIMIT.name)
        found = [
            f"{name} has {register} {kept}, the file says {wanted}"
            for name, stored in mismatches.items()
            for register, kept, wanted in zip(registers, stored, of_joint(self._calibration.joints[name]), strict=True)
            if kept != wanted
        ]
        more = f" and {len(found) - 3} more" if len(found) > 3 else ""
        path = self.bus.link.path
        return (
            f"calibration {self._source} is not that of the servos: {'; '.join(found[:3])}{more}. Motion is refused; "
            f"compare with `so-arm check --port {path} --calibration {self._source}`, or write the file into the "
            f"servos with `so-arm calibrate --port {path} --write {self._source}`"
        )
