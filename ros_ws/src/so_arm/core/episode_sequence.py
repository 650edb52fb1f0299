"""Episodes one after the other: their ids, seeds and phases, whoever runs them and whatever they are about."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable

from so_arm.core.episode_info import DISCARDED, ENDED, RUNNING, EpisodeInfo
from so_arm.core.errors import UserError


class EpisodeSequence:
    """seed: of the first episode; each takes the next one. announce: gets every new phase."""

    def __init__(self, task: str, seed: int, announce: Callable[[EpisodeInfo], None]) -> None:
        self.next_seed = seed
        self.info = EpisodeInfo(task=task)
        self._announce_to = announce
        self._run_id = f"{time.time_ns():x}"[:10]  # ids stay unique over restarts
        self._episodes = 0

    def announce(self) -> None:
        """Says again what is."""
        self._announce_to(self.info)

    def check_none_runs(self) -> None:
        """UserError when an episode is running."""
        if self.info.running:
            raise UserError(f"episode {self.info.id} is running; stop or discard it first")

    def check_one_runs(self) -> None:
        """UserError when none is running."""
        if not self.info.running:
            raise UserError("no episode is running")

    def begin(self, stamp_ns: int) -> str:
        """The episode of the next seed; `stamp_ns` is that of its first observation. Says what was done."""
        self.check_none_runs()
        self._episodes += 1
        seed, self.next_seed = self.next_seed, self.next_seed + 1
        self._become(
            EpisodeInfo(
                id=f"{self._run_id}-{self._episodes}",
                phase=RUNNING,
                seed=seed,
                task=self.info.task,
                start_stamp_ns=stamp_ns,
            )
        )
        return f"episode {self.info.id} with seed {seed} started"

    def end(
        self,
        outcome: str,
        failure: str = "",
        reward: float = 0.0,
        steps: int = 0,
        latency_ms: tuple[float, float] = (math.nan, math.nan),
    ) -> str:
        """The running episode is over; a discarded one gives its seed to the next. See `EpisodeInfo` for the rest."""
        self.check_one_runs()
        p50, p99 = latency_ms
        if outcome == DISCARDED:
            self.next_seed = self.info.seed
        self._become(
            dataclasses.replace(
                self.info,
                phase=ENDED,
                outcome=outcome,
                failure=failure,
                reward=reward,
                steps=steps,
                latency_p50_ms=p50,
                latency_p99_ms=p99,
            )
        )
        return f"episode {self.info.id} {outcome} after {steps} steps"

    def reset(self) -> None:
        """No episode: nothing has been started."""
        self.check_none_runs()
        self._become(EpisodeInfo(task=self.info.task))

    def _become(self, info: EpisodeInfo) -> None:
        self.info = info
        self._announce_to(info)
