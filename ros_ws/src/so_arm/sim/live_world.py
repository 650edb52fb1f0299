"""A task's scene that lives on its own time: servos move the arm, episodes are judged at the control rate.

Whoever steps the physics (the emulated servos, in real time) is never kept waiting here. Ticks have the dates that
`LiveWorld.clock` tells: how far physics has come. The date at which they were computed would not do: on a busy machine
physics comes in bursts, and of two ticks at once no row of a recording could have both.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from so_arm.core.calibration import Calibration
from so_arm.core.clock import date_ns
from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES, NUM_JOINTS
from so_arm.rewards.registry import DEFAULT_REWARD, RewardFunction
from so_arm.rewards.state import RewardState
from so_arm.sim.arm import ArmSim, load_model
from so_arm.sim.clock import PHYSICS_STEP_S, substeps
from so_arm.sim.hand import Hand
from so_arm.sim.judge import Judge, Verdict
from so_arm.sim.servo_plant import ServoPlant
from so_arm.sim.snapshot_board import SnapshotBoard
from so_arm.sim.start import HOME_RAD, REST_RAD, draw_start
from so_arm.sim.tasks import Task, task_class

#: An episode starts with every joint at least that close to home.
START_TOLERANCE_RAD = 0.25


class Tick(NamedTuple):
    """One control tick that is over."""

    episode: int  #: number that `begin` gave, 0 between episodes
    stamp_ns: int  #: when it ended, on the world's clock
    before_ns: int  #: when it began
    wall_ns: int  #: time.perf_counter_ns at its beginning
    position: np.ndarray  #: (6,) [rad] at its beginning
    goal: np.ndarray  #: (6,) [rad] that the servos held last
    objects: np.ndarray  #: what the task observes
    snapshot: np.ndarray  #: of the scene at its end
    verdict: Verdict | None  #: None between episodes


class Beginning(NamedTuple):
    """An episode that is judged from now on."""

    episode: int  #: number that its ticks carry
    stamp_ns: int  #: on the world's clock; its ticks are counted from here
    state: RewardState  #: before the first tick
    snapshot: np.ndarray  #: of the scene


def _ignore(tick: Tick) -> None:
    """Nobody listens."""


class LiveWorld:
    """Is the plant of the emulated servos of the arm that `calibration` describes."""

    def __init__(
        self,
        calibration: Calibration,
        task: str = "pick_place",
        reward: str | RewardFunction = DEFAULT_REWARD,
        horizon: int | None = None,
    ) -> None:
        kind = task_class(task)
        self.arm = ArmSim(load_model(kind.scene))
        self.arm.reset(REST_RAD)
        self.task: Task = kind(self.arm)
        self.hand = Hand(self.arm)
        self.lock = threading.Lock()  #: hold it to look at the arm or to move the hand
        self.board = SnapshotBoard(len(self.arm.snapshot()))
        self._plant = ServoPlant(self.arm, calibration)
        self._judge = Judge(self.task, reward, horizon)
        self.clock: Callable[[], int] = date_ns  #: date of the physics at the end of the step that is made [ns]
        self.on_tick: Callable[[Tick], None] = _ignore  #: hears of every control tick, in the thread that steps
        self._episode = self._episodes = 0
        self._tick = 0
        self._now_ns = self.clock()
        self._begin_tick()
        self.place(0)

    # ---- by the thread that steps

    def __call__(self, goal: np.ndarray, torque: np.ndarray, dt_s: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """See `ServoPlant`; dt_s is one physics step."""
        if round(dt_s / PHYSICS_STEP_S) != 1:
            raise ValueError(f"physics goes in steps of {PHYSICS_STEP_S} s, not {dt_s} s")
        with self.lock:
            self.hand.push(dt_s)
            motion = self._plant(goal, torque, dt_s)
            self.board.write(self.arm.data.qpos, self.arm.data.mocap_pos[0])
            self._now_ns = self.clock()
            self._steps_left -= 1
            if self._steps_left == 0:
                self._end_tick()
        return motion

    def _begin_tick(self) -> None:
        self._steps_left = substeps(self._tick)
        self._before_ns, self._wall_ns = self._now_ns, time.perf_counter_ns()
        self._position = self.arm.joint_position()

    def _end_tick(self) -> None:
        verdict = self._judge.judge() if self._episode else None
        self.on_tick(
            Tick(
                self._episode,
                self._now_ns,
                self._before_ns,
                self._wall_ns,
                self._position,
                self.arm.joint_target(),
                self.task.observe(),
                self.arm.snapshot(),
                verdict,
            )
        )
        if verdict is not None and verdict.over:
            self._episode = 0
        self._tick += 1
        self._begin_tick()

    # ---- by any thread

    def place(self, seed: int) -> None:
        """Objects and target at rest where `SoArmEnv.reset` puts them for `seed`; the arm stays where it is."""
        rng = np.random.default_rng(seed)
        draw_start(rng)
        with self.lock:
            self._episode = 0
            self.arm.data.qvel[NUM_JOINTS:] = 0.0
            self.task.initialize(self.arm, rng)
            self.arm.settle()
            self.board.write(self.arm.data.qpos, self.arm.data.mocap_pos[0])

    def check_start(self) -> None:
        """UserError when the arm is not where an episode starts."""
        with self.lock:
            position = self.arm.joint_position()
        away = np.abs(position - HOME_RAD)
        joint = int(away.argmax())
        if not away[joint] <= START_TOLERANCE_RAD:
            raise UserError(
                f"{JOINT_NAMES[joint]} is {away[joint]:.2f} rad away from where an episode starts (at most"
                f" {START_TOLERANCE_RAD} rad); drive the arm home first (motor_driver/home)"
            )

    def begin(self) -> Beginning:
        """Judge from now on."""
        with self.lock:
            self._tick = 0
            self._begin_tick()
            self._episodes += 1
            self._episode = self._episodes
            return Beginning(self._episode, self._before_ns, self._judge.begin(), self.arm.snapshot())

    def end(self) -> None:
        """Judge no more."""
        with self.lock:
            self._episode = 0
