"""The resampling rule, one place: samples of several streams onto the exact ticks of an episode.

Tick k is at ``start + k / fps``. A row takes from each stream the sample whose stamp is nearest to the tick (or to
the moment that the stream has instead, see `StreamRule.ahead_ns`), the earlier of two equally near, and none that is
farther than the stream's tolerance. Nothing is interpolated and nothing is invented: a tick for which a required
stream has no sample is a hole, and the rows end before it.

Rows begin at the first tick that has everything, and end with the leading stream, the commands: where those stop close
to the end of the episode, so do the rows.

A tick is decided when every stream has a sample at or after it, or when the newest stamp of any stream is `patience`
past it. So rows depend on stamps, not on the order in which streams arrive.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from so_arm.data.ingest.stream_samples import StreamCounts, StreamRule, StreamSamples

_SECOND_NS = 1_000_000_000
#: An episode may go on for so long before its first row.
LEAD_NS = 2 * _SECOND_NS
#: The leading stream may stop so long before the end of the episode.
TAIL_NS = _SECOND_NS // 2


@dataclass(frozen=True)
class GridRow:
    """samples: stream -> value; a stream that is not required has None where it has no sample within tolerance."""

    tick: int
    stamp_ns: int
    samples: dict[str, Any]


@dataclass(frozen=True)
class Hole:
    """The tick where the rows end, and the stream that has no sample for it."""

    tick: int
    stream: str


class FrameGrid:
    """One episode. start_ns: of tick 0; samples with older stamps do not belong to it. leading: one of `streams`."""

    def __init__(
        self, start_ns: int, fps: int, streams: Mapping[str, StreamRule], leading: str, patience_ns: int
    ) -> None:
        self.lead = 0  #: ticks before the first row
        self.rows = 0
        self.hole: Hole | None = None
        self.done = False  #: no more rows will come
        self._start_ns, self._fps, self._patience_ns = start_ns, fps, patience_ns
        self._streams = {name: StreamSamples(rule) for name, rule in streams.items()}
        self._leading = self._streams[leading]
        self._end_ns: int | None = None
        self._settled = False
        self._tick = 0

    def tick_ns(self, tick: int) -> int:
        """When tick `tick` is, rounded as the control clock rounds."""
        return self._start_ns + (tick * _SECOND_NS + self._fps // 2) // self._fps

    @property
    def counts(self) -> dict[str, StreamCounts]:
        return {name: stream.counts for name, stream in self._streams.items()}

    @property
    def streams(self) -> Mapping[str, StreamSamples]:
        return self._streams

    @property
    def has_begun(self) -> bool:
        """Whether every stream has delivered, or one of them for longer than `patience`."""
        newest = [stream.newest_ns for stream in self._streams.values() if stream.newest_ns is not None]
        complete = len(newest) == len(self._streams)
        return complete or max(newest, default=self._start_ns) >= self._start_ns + self._patience_ns

    def add(self, stream: str, stamp_ns: int, value: Any) -> None:
        samples = self._streams[stream]
        if self.done:
            samples.counts.received += 1
        elif stamp_ns >= self._start_ns:
            samples.add(stamp_ns, value, self.tick_ns(self._tick - 1) if self._tick else None)
        elif samples.newest_ns is not None:
            samples.fall_back(stamp_ns)

    def end(self, end_ns: int) -> None:
        """The episode is over: ticks from `end_ns` on have no row."""
        self._end_ns = end_ns

    def settle(self) -> None:
        """No more samples will come: what can be decided is decided now."""
        self._settled = True

    def decide(self) -> Iterator[GridRow]:
        """Rows of the ticks that can be decided by now, in order."""
        while not self.done:
            at = self.tick_ns(self._tick)
            if self._is_over(at):
                self.done = True
            elif self._is_known(at):
                row = self._row(at)
                self._tick += 1
                for stream in self._streams.values():
                    stream.forget_before(at)
                if row is not None:
                    self.rows += 1
                    yield row
            else:
                return

    def _is_over(self, at: int) -> bool:
        if self._end_ns is not None:
            return at >= self._end_ns
        newest = self._leading.newest_ns
        half = _SECOND_NS // self._fps // 2
        return self._settled and (newest is None or at > newest + half)

    def _is_known(self, at: int) -> bool:
        if self._settled or all(stream.knows(at) for stream in self._streams.values()):
            return True
        stamps = [stream.newest_ns for stream in self._streams.values() if stream.newest_ns is not None]
        return max(stamps, default=at) >= at + self._patience_ns

    def _row(self, at: int) -> GridRow | None:
        """The row of the tick at `at`; None before the first one, and where rows end."""
        found = {name: stream.nearest(at) for name, stream in self._streams.items()}
        holes = [name for name, sample in found.items() if sample is None and self._streams[name].rule.required]
        if holes and self.rows == 0 and at - self._start_ns < LEAD_NS:
            self.lead += 1
            return None
        if holes:
            self.done = True
            if not (self._streams[holes[0]] is self._leading and self._ends_with(at)):
                self._streams[holes[0]].counts.missing += 1
                self.hole = Hole(self._tick, holes[0])
            return None
        for name, sample in found.items():
            if sample is None:
                self._streams[name].counts.missing += 1
            else:
                self._streams[name].use(sample[0])
        values = {name: None if sample is None else sample[1] for name, sample in found.items()}
        return GridRow(self._tick, at, values)

    def _ends_with(self, at: int) -> bool:
        """Whether the leading stream ended shortly before the episode did, which is no fault."""
        stopped = self._leading.newest_ns is not None and self._leading.newest_ns < at
        return stopped and self._end_ns is not None and self._end_ns - at <= TAIL_NS
