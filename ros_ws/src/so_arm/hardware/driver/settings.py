"""What a motor driver may be told."""

from __future__ import annotations

from dataclasses import dataclass

from so_arm.core.errors import UserError, choice_error
from so_arm.core.poses import HOME_POSE, REST_POSE
from so_arm.hardware.feetech.registers import BAUD_RATES

HOLD, LOWER, LIMP = "hold", "lower", "limp"
EXITS = (HOLD, LOWER, LIMP)


@dataclass(frozen=True)
class DriverSettings:
    """Poses are (6,) [rad] in ``JOINT_NAMES`` order; times in seconds, angular velocities in rad/s.

    rate: bus cycles [Hz]; fps: commands expected [Hz]. leader: no torque, states only.
    lower_after: without a command for so long the arm is lowered to rest_pose; 0 = never.
    on_exit: what `close` does, one of EXITS. wait_for_port: patience of `start` with a port or servo that is not there.
    answer_margin: how much later than on the wire answers may come.
    """

    port: str
    baud: int = 1_000_000
    leader: bool = False
    rate: float = 100.0
    fps: float = 30.0
    home_pose: tuple[float, ...] = HOME_POSE
    rest_pose: tuple[float, ...] = REST_POSE
    approach_velocity: float = 1.0
    start_velocity: float = 3.0  #: from home to the first commands after it [rad/s]
    lowering_velocity: float = 0.5
    command_timeout: float = 0.5
    lower_after: float = 60.0
    release_after_lowering: bool = True
    on_exit: str = LOWER
    wait_for_port: float = 10.0
    answer_margin: float = 0.002
    temperature_warning: float = 55.0  #: [degrees C]
    temperature_limit: float = 65.0  #: [degrees C]
    min_voltage: float = 4.5  #: [V]
    load_limit: float = 0.75  #: of a body joint that hardly moves, fraction of stall torque
    current_limit: float = 1.5  #: of a body joint [A]
    gripper_load_limit: float = 0.22  #: below the servo's own 0.25, which would latch

    def __post_init__(self) -> None:
        if self.baud not in BAUD_RATES.values():
            raise choice_error("baud rate", str(self.baud), map(str, BAUD_RATES.values()))
        if not self.temperature_warning < self.temperature_limit:
            # Too hot ends where warm ends: the other way round the arm would rest and rise in turn.
            raise UserError(
                f"temperature_warning {self.temperature_warning} must be less than temperature_limit"
                f" {self.temperature_limit}"
            )

    @property
    def period_s(self) -> float:
        return 1.0 / self.rate

    @property
    def hold_after_s(self) -> float:
        """Without a command for so long the arm holds."""
        return max(0.25, 2.0 / self.fps)
