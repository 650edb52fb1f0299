"""Which servo explains a real episode? Physics only: recorded commands into MuJoCo, beside what was recorded.

    python benchmarks/identification/servo.py DATASET [--episode N] [--json FILE] [--quick]

Prints a table: the model as it is, and servos fitted with few parameters; what those fitted on one half of the episode
are worth on the other, and those fitted on some joints on the others. docs/fidelity.md says what came of it.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import mujoco
import mujoco.rollout
import numpy as np
from scipy.optimize import minimize

from so_arm.core.joints import GRIPPER, JOINT_NAMES, NUM_JOINTS
from so_arm.core.provenance import provenance
from so_arm.data.recorded_episode import RecordedEpisode, read_episode
from so_arm.sim.arm import load_model
from so_arm.sim.clock import PHYSICS_STEP_S

BODY = slice(0, GRIPPER)
#: What the arm's weight hangs on: their gears are pressed together, so they rub more.
LOADED = np.array([name in ("shoulder_lift", "elbow_flex") for name in JOINT_NAMES])
#: Acceleration 254, as LeRobot sets it: 100 ticks/s^2 each.
RAMP_RAD_S2 = 254 * 100 * 2 * np.pi / 4096
FIT_DELAY_S = 0.01


@dataclass(frozen=True)
class Servo:
    """kp [N m/rad]; damping: all that brakes with speed [N m s/rad]; friction: of the free and the loaded joints [N m].

    delay_s: from the recorder's time stamp to the servo's motion. ramp: the servo's acceleration limit on its goal.
    """

    kp: float
    damping: float
    friction: float
    loaded_friction: float
    delay_s: float = FIT_DELAY_S
    ramp: bool = True
    lift_share: float = 1.0  #: gain of the lift / that of the others
    creeps: bool = False  #: friction as soft as MuJoCo has it by default

    def model(self) -> mujoco.MjModel:
        model = load_model("scene")
        gain = np.full(NUM_JOINTS, self.kp)
        gain[1] *= self.lift_share
        model.actuator_gainprm[:NUM_JOINTS, 0] = gain
        model.actuator_biasprm[:NUM_JOINTS, 1] = -gain
        model.actuator_biasprm[:NUM_JOINTS, 2] = 0.0
        model.dof_damping[:NUM_JOINTS] = self.damping
        model.dof_frictionloss[:NUM_JOINTS] = np.where(LOADED, self.loaded_friction, self.friction)
        if not self.creeps:
            model.dof_solref[:NUM_JOINTS] = (0.004, 1.0)
            model.dof_solimp[:NUM_JOINTS] = (0.99, 0.999, 0.001, 0.5, 2.0)
        return model


class Replay:
    """One episode's commands, and what a model makes of them."""

    def __init__(self, episode: RecordedEpisode) -> None:
        self.episode = episode
        self._steps = round(episode.time_s[-1] / PHYSICS_STEP_S) + 1
        self._ramped = self._ramp(self._stepped(0.0))

    def positions(self, model: mujoco.MjModel, delay_s: float, ramp: bool) -> np.ndarray:
        """(T, 6) [rad] at the recorded times; the arm starts at rest where the recorded one was."""
        goals = self._delayed(delay_s) if ramp else self._stepped(delay_s)
        data = mujoco.MjData(model)
        data.qpos[:NUM_JOINTS] = self.episode.state[0]
        data.ctrl[:NUM_JOINTS] = goals[0]
        mujoco.mj_forward(model, data)
        full = mujoco.mjtState.mjSTATE_FULLPHYSICS
        start = np.empty((1, mujoco.mj_stateSize(model, full)))
        mujoco.mj_getState(model, data, start[0], full)
        states, _ = mujoco.rollout.rollout(model, data, start, goals[None])
        after = np.vstack([self.episode.state[:1], states[0][:, 1 : 1 + NUM_JOINTS]])
        return after[np.rint(self.episode.time_s / PHYSICS_STEP_S).astype(int)]

    def error_deg(self, servo: Servo) -> np.ndarray:
        """Recorded - simulated (T, 6) [degrees]."""
        return np.degrees(self.episode.state - self.positions(servo.model(), servo.delay_s, servo.ramp))

    def _stepped(self, delay_s: float) -> np.ndarray:
        """Commands at every physics step (S, 6), each held until the next."""
        time_s = np.arange(self._steps) * PHYSICS_STEP_S - delay_s
        frame = np.searchsorted(self.episode.time_s, time_s + 1e-6, side="right") - 1
        return self.episode.action[np.clip(frame, 0, None)]

    def _delayed(self, delay_s: float) -> np.ndarray:
        steps = np.arange(self._steps)
        return np.column_stack([np.interp(steps - delay_s / PHYSICS_STEP_S, steps, goal) for goal in self._ramped.T])

    @staticmethod
    def _ramp(goals: np.ndarray) -> np.ndarray:
        """The servo's own set point: it starts and brakes with RAMP_RAD_S2 (as the emulated servos do)."""
        out, place, speed = np.empty_like(goals), goals[0].copy(), np.zeros(NUM_JOINTS)
        for step, goal in enumerate(goals):
            away = goal - place
            braking = np.sqrt(2 * RAMP_RAD_S2 * np.abs(away))
            moved = np.minimum(np.abs(away), np.minimum(braking, speed + RAMP_RAD_S2 * PHYSICS_STEP_S) * PHYSICS_STEP_S)
            place = place + np.copysign(moved, away)
            speed = moved / PHYSICS_STEP_S
            out[step] = place
        return out


def rms(error: np.ndarray) -> list[float]:
    """Per joint."""
    return [float(value) for value in np.sqrt((error**2).mean(axis=0))]


Build = Callable[[np.ndarray], Servo]


def fit(
    replay: Replay, build: Build, start: Sequence[float], tries: int, frames: slice, joints: list[int] | slice
) -> Servo:
    """The servo with the smallest error on `frames` and `joints`; all parameters are positive."""
    first = np.array(start)

    def cost(step: np.ndarray) -> float:
        error = replay.error_deg(build(first * np.exp(step)))[frames][:, joints]
        return float(np.sqrt((error**2).mean())) if np.isfinite(error).all() else 1e3

    size = len(first)
    simplex = np.vstack([np.zeros(size), 0.35 * np.eye(size)])
    options = {"maxfev": tries, "xatol": 1e-2, "fatol": 1e-3, "initial_simplex": simplex}
    best = minimize(cost, np.zeros(size), method="Nelder-Mead", options=options)
    return build(first * np.exp(best.x))


def one_friction(x: np.ndarray) -> Servo:
    return Servo(x[0], x[1], x[2], x[2])


def two_frictions(x: np.ndarray) -> Servo:
    return Servo(x[0], x[1], x[2], x[3])


def lift_by_itself(x: np.ndarray) -> Servo:
    return Servo(x[0], x[1], x[2], x[3], lift_share=x[4])


def identify(episode: RecordedEpisode, quick: bool) -> dict[str, Any]:
    """Rows of the table, in order: name -> parameters and RMS [degrees], of both halves too."""
    replay, half = Replay(episode), len(episode) // 2
    tries = 12 if quick else 200
    everything, first, second = slice(None), slice(0, half), slice(half, None)
    rows: dict[str, Any] = {}

    def add(name: str, error: np.ndarray, servo: Servo | None = None) -> None:
        parameters = {key: round(float(value), 4) for key, value in servo.__dict__.items()} if servo else {}
        rows[name] = {
            "parameters": parameters,
            "rms_deg": rms(error),
            "first_half_deg": rms(error[first]),
            "second_half_deg": rms(error[second]),
        }

    for delay_s in (0.0, 0.01, 0.02, 0.03):
        positions = replay.positions(load_model("scene"), delay_s, ramp=True)
        add(f"the model as it is, delay {1e3 * delay_s:.0f} ms", np.degrees(episode.state - positions))
    published = Servo(kp=17.8, damping=0.6, friction=0.052, loaded_friction=0.052, creeps=True)
    add("published for P = 32", replay.error_deg(published), published)
    halved = replace(published, kp=17.8 / 2)
    add("published, halved for P = 16", replay.error_deg(halved), halved)
    start = [9.0, 0.75, 0.08, 0.18]
    fits: list[tuple[str, Build, list[float], slice, list[int] | slice]] = [
        ("3 parameters", one_friction, [9.0, 0.75, 0.12], everything, BODY),
        ("4 parameters: loaded joints rub more", two_frictions, start, everything, BODY),
        (
            "5 parameters: and the lift has its own gain",
            lift_by_itself,
            [10.0, 0.85, 0.09, 0.19, 0.7],
            everything,
            BODY,
        ),
        ("4 parameters, from the first half", two_frictions, start, first, BODY),
        ("4 parameters, from the second half", two_frictions, start, second, BODY),
        ("4 parameters, from pan, elbow, roll", two_frictions, start, everything, [0, 2, 4]),
        ("4 parameters, from lift, wrist", two_frictions, start, everything, [1, 3]),
    ]
    rounded = Servo(kp=8.9, damping=0.7, friction=0.08, loaded_friction=0.18)
    add("rounded", replay.error_deg(rounded), rounded)
    add("rounded, friction creeps", replay.error_deg(replace(rounded, creeps=True)), replace(rounded, creeps=True))
    for name, build, begin, frames, joints in fits:
        servo = fit(replay, build, begin, tries, frames, joints)
        add(name, replay.error_deg(servo), servo)
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--episode", type=int, default=0)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--quick", action="store_true", help="few tries: only to see that it runs")
    arguments = parser.parse_args()
    rows = identify(read_episode(arguments.dataset, arguments.episode), arguments.quick)
    print(f"{'RMS of recorded - simulated [degrees]':48}", *(f"{name:>14}" for name in JOINT_NAMES))
    for name, row in rows.items():
        print(f"{name:48}", *(f"{value:14.2f}" for value in row["rms_deg"]))
        print("    ", ", ".join(f"{key} {value:g}" for key, value in row["parameters"].items()))
    if arguments.json:
        arguments.json.write_text(json.dumps({"rows": rows} | provenance(), indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
