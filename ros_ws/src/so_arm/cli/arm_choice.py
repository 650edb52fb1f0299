"""Which arm is meant by --port, --robot-id and --calibration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from so_arm.core.errors import UserError


@dataclass(frozen=True)
class ArmChoice:
    """Serial port, robot id and calibration file, as the options give them; empty where they do not."""

    port: str
    robot_id: str
    calibration: Path | None

    def check(self, prefix: str, role: str) -> None:
        """UserError unless it tells a port and a calibration that is there. prefix: of the options, e.g. "leader-"."""
        from so_arm.core.calibration_formats import read_calibration

        if not self.port:
            raise UserError(f"the {role} arm needs --{prefix}port; `so-arm find-port` tells it")
        if not self.robot_id and self.calibration is None:
            raise UserError(f"the {role} arm needs --{prefix}robot-id or --{prefix}calibration")
        read_calibration(self.calibration_file(role))

    def calibration_file(self, role: str) -> Path:
        """UserError when there is none."""
        from so_arm.core.calibration_place import find_calibration

        return find_calibration(str(self.calibration or ""), self.robot_id, role)
