"""Episodes of a simulated task driven from outside: observations out, commands in, on one of two clocks.

Lockstep: an observation is published, and time stands still until the command that carries its stamp has come.
Real time: ticks fall on a steady clock, and each takes the newest command there is.

No ROS in here. The loop has its own thread (the only one that may render); commands and requests come from others.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

import numpy as np

from so_arm.core.clock import CONTROL_PERIOD_S, date_ns, tick_stamp_ns
from so_arm.core.command_filter import is_fresh
from so_arm.core.episode_info import DISCARDED, ESTOP, FAILURE, JUDGED_FAILED, STOPPED, SUCCESS, EpisodeInfo
from so_arm.core.episode_keeper import EpisodeKeeper
from so_arm.core.episode_record import NO_ANSWER
from so_arm.core.episode_recorder import RecordedTick
from so_arm.core.errors import UserError
from so_arm.rewards.state import RewardState
from so_arm.sim.env import SoArmEnv
from so_arm.sim.mailbox import Command, Mailbox, Woken

_SECOND_NS = 1_000_000_000


class Sink(Protocol):
    """Where the loop publishes; called in the loop's thread."""

    def episode(self, info: EpisodeInfo) -> None:
        """A phase began; returns when everybody who listens has got it."""

    def observation(self, stamp_ns: int, observation: Mapping[str, np.ndarray], state: RewardState) -> int:
        """Publish; returns ``time.perf_counter_ns()`` of the moment when the joint state went out."""


class EpisodeLoop:
    """Runs `env` for `sink`.

    seed: of the first episode; each start takes the next one.
    command_timeout_s: in real time, older commands are not used.
    resend_s: in lockstep, an observation without an answer is published again after this time.
    record_dir: where finished episodes are written as `EpisodeRecord`s; None = nowhere.
    """

    def __init__(
        self,
        env: SoArmEnv,
        sink: Sink,
        lockstep: bool,
        seed: int,
        command_timeout_s: float = 0.5,
        resend_s: float = 0.5,
        record_dir: Path | None = None,
    ) -> None:
        self.mailbox = Mailbox()
        self.counts: Counter[str] = Counter()
        self.command_age_s = 0.0
        self._env, self._sink, self._lockstep = env, sink, lockstep
        self._timeout_ns = int(command_timeout_s * _SECOND_NS)
        self._resend_s = resend_s
        self.episodes = EpisodeKeeper(env.task.name, seed, sink.episode, record_dir)
        self._tick = 0
        # Real time: the date. Lockstep: simulated time, from one second on.
        self._stamp_ns = _SECOND_NS if lockstep else date_ns()
        self._deadline_s = 0.0
        self._paused = self._estopped = self._limp = False
        self._state: RewardState
        self._reset(seed)

    def run(self) -> None:
        """Until the mailbox is closed."""
        self.episodes.announce()
        self._deadline_s = time.perf_counter()
        while not self.mailbox.closed:
            if self._paused or (self._lockstep and not self._info.running):
                self.mailbox.wait(None)
                self._deadline_s = time.perf_counter()
            elif self._lockstep:
                self._lockstep_tick()
            else:
                self._real_time_tick()

    # ---- requests: call through `mailbox.request`; each says what was done or raises UserError

    def start(self) -> str:
        """Begin the episode of the next seed."""
        self.episodes.check_none_runs()
        if self._estopped:
            raise UserError("the emergency stop is engaged; release it first")
        if self._limp:
            raise UserError("torque is off; enable it first")
        self._reset(self.episodes.next_seed)
        self._tick = 0
        # Stamps rise over episodes; a second lies between the last of one and the first of the next.
        self._stamp_ns = self._stamp_ns + _SECOND_NS if self._lockstep else date_ns()
        said = self.episodes.start(self._stamp_ns, self._env.snapshot())
        self._deadline_s = time.perf_counter()
        return said

    def stop(self) -> str:
        """End the running episode; its record is kept."""
        return self._abort(STOPPED)

    def discard(self) -> str:
        """End the running episode, keep no record, and give its seed to the next one."""
        return self._abort(DISCARDED)

    def succeed(self) -> str:
        """End the running episode as a success, whatever the task thinks of it."""
        return self._abort(SUCCESS)

    def fail(self) -> str:
        """End the running episode as a failure."""
        return self._abort(FAILURE, JUDGED_FAILED)

    def reset_world(self) -> str:
        """Put everything where the next episode will start, without starting it."""
        if self._info.running:
            self._finish(STOPPED)
        self._reset(self.episodes.next_seed)
        self.episodes.reset()
        self._publish()
        return f"world reset to seed {self.episodes.next_seed}"

    def set_pause(self, paused: bool) -> str:
        self._paused = paused
        return "paused" if paused else "not paused"

    def estop(self, engaged: bool) -> str:
        """Engage: the episode ends, the arm holds where it is, nothing starts until it is released."""
        if engaged:
            if self._info.running:
                self._finish(ESTOP)
            self._env.hold_here()
        self._estopped = engaged
        return f"emergency stop {'engaged' if engaged else 'released'}"

    def enable_torque(self, enabled: bool) -> str:
        """Off: the episode ends and the arm goes limp. On: it holds where it is by then."""
        if not enabled and self._info.running:
            self._finish(STOPPED)
        self._env.arm.set_torque(enabled)
        self._env.hold_here()
        self._limp = not enabled
        return f"torque {'on' if enabled else 'off'}"

    # ---- ticks

    def _lockstep_tick(self) -> None:
        episode, stamp_ns = self._info, self._stamp_ns
        published_ns = self._publish()
        while True:
            woken = self.mailbox.wait(time.perf_counter() + self._resend_s, stamp_ns)
            if woken is Woken.CLOSED or self._paused or self._info is not episode:
                return
            if woken is Woken.ANSWERED:
                return self._step(self.mailbox.newest, published_ns)
            if woken is Woken.TIMED_OUT:
                self.counts["observations_resent"] += 1
                self._publish()

    def _real_time_tick(self) -> None:
        episode = self._info
        self._stamp_ns = max(date_ns(), self._stamp_ns + 1)
        published_ns = self._publish()
        self._deadline_s += CONTROL_PERIOD_S
        late_s = time.perf_counter() - self._deadline_s
        if late_s > 0:
            self.counts["late_ticks"] += 1
            if late_s > CONTROL_PERIOD_S:
                self._deadline_s = time.perf_counter()  # time that was lost is not caught up
        woken = Woken.SERVED
        while woken is Woken.SERVED:
            woken = self.mailbox.wait(self._deadline_s)
            if woken is Woken.CLOSED or self._paused or self._info is not episode:
                return
        if self._info.running:
            self._step(self._fresh_command(), published_ns)
        else:
            observation, *_, info = self._env.hold()
            self._observation, self._state = observation, info["state"]

    def _fresh_command(self) -> Command | None:
        command = self.mailbox.newest
        if command is not None and command.stamp_ns >= self._info.start_stamp_ns:
            now_ns = date_ns()
            self.command_age_s = (now_ns - command.stamp_ns) * 1e-9
            if is_fresh(command.stamp_ns, now_ns, self._timeout_ns):
                return command
        self.counts["ticks_without_command"] += 1
        return None

    def _step(self, command: Command | None, published_ns: int) -> None:
        before, stamp_ns = self._observation["joint_position"], self._stamp_ns
        if command is None or command.position is None:
            action = self._env.command
            outcome = self._env.hold()
        else:
            action = command.position
            outcome = self._env.step(action)
        self._observation, reward, terminated, truncated, info = outcome
        self._state = info["state"]
        for reason in info["refused"]:
            self.counts[reason] += 1
        answered = command is not None and command.stamp_ns == stamp_ns
        latency_ns = command.arrived_ns - published_ns if command is not None and answered else NO_ANSWER
        times = (stamp_ns, latency_ns, published_ns)
        self.episodes.add(RecordedTick(before, action, float(reward), times, self._env.snapshot()))
        self._tick += 1
        if self._lockstep:
            self._stamp_ns = self._info.start_stamp_ns + tick_stamp_ns(self._tick)
        if terminated or truncated:
            self._stamp_ns = self._stamp_ns if self._lockstep else date_ns()
            self._publish()
            self._finish(SUCCESS if info["success"] else FAILURE, info["failure"] or "")

    # ---- steps of the above

    def _reset(self, seed: int) -> None:
        self._observation, info = self._env.reset(seed=seed)
        self._state = info["state"]

    def _publish(self) -> int:
        self.counts["observations"] += 1
        return self._sink.observation(self._stamp_ns, self._observation, self._state)

    @property
    def _info(self) -> EpisodeInfo:
        return self.episodes.info

    def _abort(self, outcome: str, failure: str = "") -> str:
        self.episodes.check_one_runs()
        return self._finish(outcome, failure)

    def _finish(self, outcome: str, failure: str = "") -> str:
        self.counts["episodes"] += 1
        return self.episodes.finish(outcome, failure)
