"""Why the rows of an episode end early, in one line: which topic, at which rate it delivers, and what to change."""

from __future__ import annotations

from so_arm.data.ingest.frame_grid import FrameGrid, Hole
from so_arm.data.ingest.stream_samples import StreamSamples

_SECOND_NS = 1_000_000_000
#: Other streams may be so far ahead of one that stops; farther is a clock that jumped.
_JUMP_NS = 2 * _SECOND_NS
#: A stream of this share of the rate and more is fast enough: it was interrupted.
_KEEPS_UP = 0.8


def explain(grid: FrameGrid, hole: Hole, fps: int) -> str:
    """One line about `hole`, which names a topic; times are counted from the start of the episode."""
    stream = grid.streams[hole.stream]
    at = grid.tick_ns(hole.tick)
    start = grid.tick_ns(0)
    when = f"{(at - start) / _SECOND_NS:.2f} s"
    if stream.newest_ns is None:
        return f"{hole.stream} delivered nothing in the first {when}"
    if stream.step_back_ns > stream.rule.tolerance_ns:
        return f"the clock of {hole.stream} jumped back by {stream.step_back_ns / _SECOND_NS:.2f} s before {when}"
    ahead = _jumped_ahead(grid, at)
    if ahead:
        return f"the clock of {ahead} jumped ahead by more than {_JUMP_NS // _SECOND_NS} s at {when}"
    if stream.newest_ns < at:
        return f"{hole.stream} stopped at {(stream.newest_ns - start) / _SECOND_NS:.2f} s of the episode"
    tolerance, rate_hz = stream.rule.tolerance_ns / _SECOND_NS, _rate_hz(stream)
    if rate_hz >= _KEEPS_UP * fps:
        cure = "the machine may have been too busy: fewer programs, smaller images"
    else:
        cure = f"make it deliver {fps} Hz, or record with a lower fps or a larger tolerance"
    return f"{hole.stream} has nothing within {tolerance:g} s of {when} (it delivers {rate_hz:.1f} Hz); {cure}"


def _jumped_ahead(grid: FrameGrid, at: int) -> str:
    """The only stream that has samples long after `at`, if others were heard too."""
    ahead = [name for name, stream in grid.streams.items() if (stream.newest_ns or 0) > at + _JUMP_NS]
    return ahead[0] if len(ahead) == 1 and len(grid.streams) > 1 else ""


def _rate_hz(stream: StreamSamples) -> float:
    if stream.first_ns is None or stream.newest_ns is None or stream.newest_ns == stream.first_ns:
        return 0.0
    return (stream.counts.received - stream.counts.doubled - 1) * _SECOND_NS / (stream.newest_ns - stream.first_ns)
