"""A chunk timeline whose chunks may come late: what a policy with a delay looks like to the arm."""

from __future__ import annotations

from so_arm.core.chunk import ActionChunk, ChunkTimeline, TimelineStep


class ChunkFollower:
    """One chunk is asked for at a time and takes over once it is there. delay: control periods from an observation
    until its chunk is there; with 0 every stamp is answered, as in lockstep.
    """

    def __init__(self, timeline: ChunkTimeline, delay: int = 0) -> None:
        self._timeline = timeline
        self._delay_ns = delay * timeline.period_ns
        self._coming: ActionChunk | None = None

    @property
    def period_ns(self) -> int:
        return self._timeline.period_ns

    @property
    def waiting(self) -> bool:
        """A chunk was asked for and is not there yet."""
        return self._coming is not None

    def reset(self) -> None:
        """Forget every chunk: a new episode."""
        self._timeline.reset()
        self._coming = None

    def due(self, stamp_ns: int) -> bool:
        """True when the observation stamped `stamp_ns` should be answered by a new chunk."""
        self._take_over(stamp_ns)
        return self._coming is None and self._timeline.due(stamp_ns)

    def add(self, chunk: ActionChunk) -> None:
        """The answer to the observation that was due; it is there after the delay."""
        self._coming = chunk
        self._take_over(chunk.stamp_ns)

    def at(self, stamp_ns: int) -> TimelineStep | None:
        """Command for the tick at `stamp_ns`, or None when no chunk that is there reaches it."""
        self._take_over(stamp_ns)
        return self._timeline.at(stamp_ns)

    def _take_over(self, stamp_ns: int) -> None:
        """To the nearest tick."""
        coming = self._coming
        if coming is not None and stamp_ns - coming.stamp_ns > self._delay_ns - self._timeline.period_ns / 2:
            self._timeline.add(coming)
            self._coming = None
