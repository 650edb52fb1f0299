"""Episodes in a `LiveWorld`: the simulation judges, somebody else drives the arm. No ROS in here."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from so_arm.core.episode_info import DISCARDED, FAILURE, JUDGED_FAILED, STOPPED, SUCCESS, EpisodeInfo
from so_arm.core.episode_keeper import EpisodeKeeper
from so_arm.core.episode_record import NO_ANSWER
from so_arm.core.episode_recorder import RecordedTick
from so_arm.rewards.state import RewardState
from so_arm.sim.live_world import LiveWorld, Tick

#: The new scene is left alone so long before its episode begins: no picture of the old one may be taken for it.
SETTLE_S = 0.5


class Sink(Protocol):
    """Where episodes are published; called in any thread."""

    def episode(self, info: EpisodeInfo) -> None:
        """A phase began; returns when everybody who listens has got it."""

    def state(self, stamp_ns: int, state: RewardState) -> None:
        """Privileged state of a running episode."""

    def objects(self, stamp_ns: int, objects: np.ndarray) -> None:
        """What lies in the scene, at every control tick."""


class LiveEpisodes:
    """seed: of the first episode. record_dir: see `EpisodeKeeper`."""

    def __init__(
        self,
        world: LiveWorld,
        sink: Sink,
        seed: int,
        record_dir: Path | None = None,
        on_failure: Callable[[Exception], None] = lambda error: None,
        settle_s: float = SETTLE_S,
    ) -> None:
        self.keeper = EpisodeKeeper(world.task.name, seed, sink.episode, record_dir)
        self._world, self._sink, self._settle_s = world, sink, settle_s
        self._on_failure = on_failure
        self._ticks: queue.SimpleQueue[Tick | None] = queue.SimpleQueue()
        self._changing = threading.RLock()  # services and the ticks' thread
        self._episode = 0
        self._latencies_ns: deque[int] = deque(maxlen=2)  # ticks and commands have the same rate, not the same time
        self._thread = threading.Thread(target=self._work, name="episodes", daemon=True)
        world.on_tick = self._ticks.put  # which never waits

    def open(self) -> None:
        self.keeper.announce()
        self._thread.start()

    def close(self) -> None:
        self._ticks.put(None)
        if self._thread.is_alive():
            self._thread.join(5.0)

    def answered(self, latency_ns: int) -> None:
        """A command came, so long after the stamp it carries."""
        self._latencies_ns.append(latency_ns)

    # ---- requests; each says what was done or raises UserError

    def start(self) -> str:
        """Begin the episode of the next seed, with the arm where it is: at home, or it is refused."""
        with self._changing:
            self.keeper.check_none_runs()
            self._world.check_start()
            self._world.place(self.keeper.next_seed)
        time.sleep(self._settle_s)
        with self._changing:
            self._world.check_start()
            self._latencies_ns.clear()
            # Ticks count from the stamp that listeners are told, however long these take to confirm it.
            began = self._world.begin()
            self._episode = began.episode
            said = self.keeper.start(began.stamp_ns, began.snapshot)
            self._sink.state(began.stamp_ns, began.state)
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
        """Put everything but the arm where the next episode will start, without starting it."""
        with self._changing:
            if self.keeper.info.running:
                self._abort(STOPPED)
            self._world.place(self.keeper.next_seed)
            self.keeper.reset()
        return f"world reset to seed {self.keeper.next_seed}"

    def _abort(self, outcome: str, failure: str = "") -> str:
        with self._changing:
            self.keeper.check_one_runs()
            self._world.end()
            return self.keeper.finish(outcome, failure)

    # ---- ticks

    def _work(self) -> None:
        try:
            while (tick := self._ticks.get()) is not None:
                self._sink.objects(tick.stamp_ns, tick.objects)
                if tick.verdict is not None:
                    self._take(tick)
        except Exception as error:
            self._on_failure(error)

    def _take(self, tick: Tick) -> None:
        verdict = tick.verdict
        assert verdict is not None
        with self._changing:
            if tick.episode != self._episode or not self.keeper.info.running:
                return  # of an episode that was ended in the meantime
            self._sink.state(tick.stamp_ns, verdict.state)
            latency_ns = self._latencies_ns.popleft() if self._latencies_ns else NO_ANSWER
            times = (tick.before_ns, latency_ns, tick.wall_ns)
            self.keeper.add(RecordedTick(tick.position, tick.goal, float(verdict.reward), times, tick.snapshot))
            if verdict.over:
                self.keeper.finish(SUCCESS if verdict.success else FAILURE, verdict.failure or "")
