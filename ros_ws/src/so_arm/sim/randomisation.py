"""Domain randomisation: what may differ from the nominal scene, and by how much."""

from __future__ import annotations

from dataclasses import dataclass

import mujoco
import numpy as np

from so_arm.core.errors import choice_error
from so_arm.core.joints import NUM_JOINTS


@dataclass(frozen=True)
class Ranges:
    """Half-widths of uniform draws; factors are 1 +- the width."""

    colour: float  # added to every channel
    light: float  # factor on lamp and headlight
    lamp_shift_m: float
    camera_shift_m: float
    camera_turn_rad: float
    friction: float  # factor
    mass: float  # factor
    gain: float  # factor on servo stiffness and damping
    delay_ticks: int  # commands act 0 .. this many control ticks late


LEVELS: dict[str, Ranges] = {
    "none": Ranges(0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0),
    "light": Ranges(0.06, 0.15, 0.1, 0.004, 0.01, 0.15, 0.15, 0.05, 0),
    "full": Ranges(0.2, 0.4, 0.4, 0.015, 0.04, 0.4, 0.5, 0.2, 2),
}


def ranges(level: str) -> Ranges:
    """Ranges of `level`; UserError names the choices."""
    if level not in LEVELS:
        raise choice_error("randomisation", level, LEVELS)
    return LEVELS[level]


def randomise(model: mujoco.MjModel, nominal: mujoco.MjModel, width: Ranges, rng: np.random.Generator) -> int:
    """Write one draw into `model`, around `nominal`. Returns the action delay [control ticks]."""

    def factor(half: float, size: int | tuple[int, ...] = 1) -> np.ndarray:
        return 1.0 + rng.uniform(-half, half, size)

    shown = nominal.geom_rgba[:, 3:] > 0
    tint = rng.uniform(-width.colour, width.colour, (nominal.ngeom, 3)) * shown
    model.geom_rgba[:, :3] = np.clip(nominal.geom_rgba[:, :3] + tint, 0.0, 1.0)
    brightness = factor(width.light)
    model.light_diffuse[:] = nominal.light_diffuse * brightness
    model.vis.headlight.diffuse[:] = nominal.vis.headlight.diffuse * brightness
    model.light_pos[:] = nominal.light_pos + rng.uniform(-1, 1, (nominal.nlight, 3)) * width.lamp_shift_m
    shift = rng.uniform(-1, 1, (nominal.ncam, 3)) * width.camera_shift_m
    model.cam_pos[:] = nominal.cam_pos + shift
    for camera in range(nominal.ncam):
        turn = np.zeros(4)
        mujoco.mju_axisAngle2Quat(turn, _direction(rng), rng.uniform(0, 1) * width.camera_turn_rad)
        mujoco.mju_mulQuat(model.cam_quat[camera], nominal.cam_quat[camera], turn)
    model.geom_friction[:, 0] = nominal.geom_friction[:, 0] * factor(width.friction, nominal.ngeom)
    mass = factor(width.mass, nominal.nbody)
    model.body_mass[:] = nominal.body_mass * mass
    model.body_inertia[:] = nominal.body_inertia * mass[:, None]
    gain = factor(width.gain, NUM_JOINTS)
    model.actuator_gainprm[:, 0] = nominal.actuator_gainprm[:, 0] * gain
    model.actuator_biasprm[:, 1:3] = nominal.actuator_biasprm[:, 1:3] * gain[:, None]
    mujoco.mj_setConst(model, mujoco.MjData(model))
    return int(rng.integers(0, width.delay_ticks + 1))


def _direction(rng: np.random.Generator) -> np.ndarray:
    vector = rng.normal(size=3)
    return vector / np.linalg.norm(vector)
