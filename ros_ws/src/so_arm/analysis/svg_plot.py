"""Line plots as SVG text to be put into a page; small, and with known places, so that a page can draw over them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np

GRID, FRAME = "#e6e8eb", "#b9bec5"


@dataclass(frozen=True, eq=False)
class Curve:
    """A line through the points x (n,), y (n,); it is interrupted where y is NaN."""

    x: np.ndarray
    y: np.ndarray
    colour: str
    width: float = 1.4
    opacity: float = 1.0


@dataclass(frozen=True)
class Place:
    """Where the plotting area lies in the picture [px]."""

    left: float
    top: float
    width: float
    height: float


@dataclass(frozen=True, eq=False)
class Panel:
    """One plotting area. x_limits: where it begins and ends. marks: x of vertical lines, by colour.

    least_span: the y axis is at least this long. linear_to: beyond it (and its negative) the y axis is logarithmic, so
    that a large bonus leaves the rest visible; None: linear.
    """

    title: str
    curves: Sequence[Curve]
    x_limits: tuple[float, float]
    marks: Sequence[tuple[str, Sequence[float]]] = ()
    least_span: float = 1.0
    linear_to: float | None = None


def panel_svg(panel: Panel, place: Place, x_label: str = "") -> str:
    """Grid, numbers, curves. The numbers of x only with `x_label`, which goes at the end of their row."""
    low, high = _y_limits(panel)
    x = _Scale(*panel.x_limits, place.left, place.left + place.width)
    y = _Scale(low, high, place.top + place.height, place.top, panel.linear_to)
    parts = [f'<text x="{place.left:g}" y="{place.top - 5:g}" class="title">{escape(panel.title)}</text>']
    for value in nice_ticks(low, high, 5) if panel.linear_to is None else decades(low, high, panel.linear_to):
        parts.append(_line(place.left, y(value), place.left + place.width, y(value), GRID))
        parts.append(_number(value, place.left - 5, y(value) + 3, "end"))
    for value in nice_ticks(*panel.x_limits, 8):
        parts.append(_line(x(value), place.top, x(value), place.top + place.height, GRID))
        if x_label:
            parts.append(_number(value, x(value), place.top + place.height + 13, "middle"))
    for colour, marks in panel.marks:
        parts += [
            _line(x(at), place.top, x(at), place.top + place.height, colour, 'stroke-dasharray="2 2"') for at in marks
        ]
    parts += [_polyline(curve, x, y) for curve in panel.curves]
    parts.append(
        f'<rect x="{place.left:g}" y="{place.top:g}" width="{place.width:g}" height="{place.height:g}" '
        f'fill="none" stroke="{FRAME}"/>'
    )
    if x_label:
        right, bottom = place.left + place.width, place.top + place.height
        parts.append(f'<text x="{right:g}" y="{bottom + 26:g}" text-anchor="end">{escape(x_label)}</text>')
    return "\n".join(parts)


def nice_ticks(low: float, high: float, about: int) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) from `low` to `high`, not many more than `about`."""
    if not high > low:
        return [low]
    rough = (high - low) / about
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [number * step for number in range(first, last + 1)]


def decades(low: float, high: float, linear_to: float) -> list[float]:
    """Zero and the powers of ten from `linear_to` on, of either sign, within `low` to `high`."""
    powers = [linear_to * 10.0**power for power in range(12)]
    return [value for value in (*[-power for power in reversed(powers)], 0.0, *powers) if low <= value <= high]


class _Scale:
    """Values to pixels; see `Panel` for `linear_to`."""

    def __init__(self, low: float, high: float, low_px: float, high_px: float, linear_to: float | None = None) -> None:
        self._linear_to = math.inf if linear_to is None else linear_to
        self._low, self._px = self._bent(low), low_px
        self._factor = (high_px - low_px) / ((self._bent(high) - self._low) or 1.0)

    def __call__(self, value: float) -> float:
        return self._px + self._factor * (self._bent(value) - self._low)

    def _bent(self, value: float) -> float:
        if abs(value) <= self._linear_to:
            return value
        return math.copysign(self._linear_to * (1.0 + math.log10(abs(value) / self._linear_to)), value)


def _y_limits(panel: Panel) -> tuple[float, float]:
    values = np.concatenate([curve.y for curve in panel.curves]) if panel.curves else np.zeros(1)
    known = values[np.isfinite(values)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
    margin = max(0.06 * (high - low), (panel.least_span - (high - low)) / 2)
    return low - margin, high + margin


def _polyline(curve: Curve, x: _Scale, y: _Scale) -> str:
    """A path, because it may be interrupted."""
    words, drawing = [], False
    for at, value in zip(curve.x, curve.y, strict=True):
        if math.isfinite(value):
            words.append(f"{'L' if drawing else 'M'}{x(at):.1f} {y(value):.1f}")
        drawing = math.isfinite(value)
    return (
        f'<path d="{"".join(words)}" fill="none" stroke="{curve.colour}" stroke-width="{curve.width:g}" '
        f'stroke-opacity="{curve.opacity:g}" stroke-linejoin="round"/>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, more: str = "") -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" {more}/>'


def _number(value: float, x: float, y: float, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{value:.6g}</text>'
