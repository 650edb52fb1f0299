"""Bars in groups as SVG text, with intervals where they have any."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from so_arm.analysis.svg_plot import FRAME, GRID, Place, nice_ticks

#: Share of a group's width that its bars take.
_FILLED = 0.8
_INTERVAL = "#20262d"
_LETTER_PX = 5.4


@dataclass(frozen=True)
class Bars:
    """One bar per group. values: None leaves a gap. intervals: (low, high) around each value."""

    colour: str
    values: Sequence[float | None]
    intervals: Sequence[tuple[float, float]] | None = None


@dataclass(frozen=True)
class BarChart:
    """Groups of bars from 0 upwards. highest: where the axis ends at least."""

    title: str
    groups: Sequence[str]
    bars: Sequence[Bars]
    highest: float = 0.0


def bars_svg(chart: BarChart, place: Place, label: str = "") -> str:
    """Grid, numbers, bars and the names of the groups; of names that would overlap every second one and so on."""
    top = _top(chart)
    bottom, right = place.top + place.height, place.left + place.width

    def y(value: float) -> float:
        return bottom - place.height * value / top

    parts = [f'<text x="{place.left:g}" y="{place.top - 5:g}" class="title">{escape(chart.title)}</text>']
    for value in nice_ticks(0.0, top, 5):
        parts.append(_rule(place.left, y(value), right, y(value), GRID))
        parts.append(f'<text x="{place.left - 5:g}" y="{y(value) + 3:.1f}" text-anchor="end">{value:.6g}</text>')
    width = place.width / len(chart.groups)
    for series, bars in enumerate(chart.bars):
        breadth = _FILLED * width / len(chart.bars)
        for group, number in enumerate(bars.values):
            if number is None:
                continue
            left = place.left + group * width + (1 - _FILLED) / 2 * width + series * breadth
            parts.append(
                f'<rect x="{left:.1f}" y="{y(number):.1f}" width="{breadth:.1f}" height="{bottom - y(number):.1f}" '
                f'fill="{bars.colour}"/>'
            )
            if bars.intervals is not None:
                low, high = bars.intervals[group]
                parts.append(_rule(left + breadth / 2, y(low), left + breadth / 2, y(high), _INTERVAL))
    every = _every(chart.groups, width)
    for group in range(0, len(chart.groups), every):
        middle = place.left + (group + 0.5) * width
        parts.append(
            f'<text x="{middle:.1f}" y="{bottom + 13:g}" text-anchor="middle">{escape(chart.groups[group])}</text>'
        )
    parts.append(_rule(place.left, bottom, right, bottom, FRAME))
    if label:
        parts.append(f'<text x="{right:g}" y="{bottom + 26:g}" text-anchor="end">{escape(label)}</text>')
    return "\n".join(parts)


def _top(chart: BarChart) -> float:
    values = [value for bars in chart.bars for value in bars.values if value is not None]
    values += [high for bars in chart.bars if bars.intervals is not None for _, high in bars.intervals]
    return max([chart.highest, *(1.06 * value for value in values)]) or 1.0


def _every(names: Sequence[str], width: float) -> int:
    """The names that fit beside each other: all, every second, ..."""
    longest = _LETTER_PX * max(len(name) for name in names)
    return max(1, -int(-longest // width))


def _rule(x1: float, y1: float, x2: float, y2: float, colour: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"/>'
