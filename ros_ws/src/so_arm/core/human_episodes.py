"""Episodes of a real arm: a person starts, stops and judges them, and time runs out."""

from __future__ import annotations

import threading
from collections.abc import Callable

from so_arm.core.episode_info import DISCARDED, FAILURE, JUDGED_FAILED, STOPPED, SUCCESS, EpisodeInfo
from so_arm.core.episode_sequence import EpisodeSequence

TIMEOUT = "timeout"
_NS = 1_000_000_000


class HumanEpisodes:
    """Numbered from `first` on (that is their seed). fps: control rate, by which `steps` are counted.

    time_limit_s: a running episode fails after it; 0: never. now_ns: date. Requests say what was done or raise
    UserError; they may come from any thread.
    """

    def __init__(
        self,
        task: str,
        first: int,
        fps: int,
        time_limit_s: float,
        announce: Callable[[EpisodeInfo], None],
        now_ns: Callable[[], int],
    ) -> None:
        self.sequence = EpisodeSequence(task, first, announce)
        self._fps, self._limit_ns, self._now_ns = fps, int(time_limit_s * _NS), now_ns
        self._lock = threading.Lock()

    def start(self) -> str:
        with self._lock:
            return self.sequence.begin(self._now_ns())

    def stop(self) -> str:
        """End without a verdict."""
        return self._end(STOPPED)

    def discard(self) -> str:
        """End it as if it had not been."""
        return self._end(DISCARDED)

    def succeed(self) -> str:
        return self._end(SUCCESS)

    def fail(self) -> str:
        return self._end(FAILURE, JUDGED_FAILED)

    def watch(self) -> None:
        """Call it now and then: ends an episode whose time is over."""
        with self._lock:
            info = self.sequence.info
            if info.running and self._limit_ns and self._now_ns() - info.start_stamp_ns >= self._limit_ns:
                self.sequence.end(FAILURE, TIMEOUT, steps=self._steps())

    def _end(self, outcome: str, failure: str = "") -> str:
        with self._lock:
            return self.sequence.end(outcome, failure, steps=self._steps())

    def _steps(self) -> int:
        return (self._now_ns() - self.sequence.info.start_stamp_ns) * self._fps // _NS
