"""A map of cells as SVG text, coloured by a share, with the count that it rests on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from so_arm.analysis.svg_plot import FRAME, Place

#: Colours of 0, one half and 1.
_COLOURS = ((209, 73, 91), (244, 222, 150), (42, 157, 92))
_NOTHING = "#eef0f2"


@dataclass(frozen=True)
class HeatMap:
    """Cells [x][y] as in `failure_map.failure_map`: how many were tried and how many succeeded. Edges in metres."""

    title: str
    x_edges: Sequence[float]
    y_edges: Sequence[float]
    tried: Sequence[Sequence[int]]
    won: Sequence[Sequence[int]]


def heat_svg(heat: HeatMap, place: Place) -> str:
    """Seen from behind the robot: x upwards, y to the left. Each cell says its share and how many were tried."""
    rows, columns = len(heat.x_edges) - 1, len(heat.y_edges) - 1
    height, width = place.height / rows, place.width / columns
    parts = [f'<text x="{place.left:g}" y="{place.top - 5:g}" class="title">{escape(heat.title)}</text>']
    for i in range(rows):
        for j in range(columns):
            x = place.left + place.width - (j + 1) * width
            y = place.top + place.height - (i + 1) * height
            parts.append(_cell(x, y, width, height, heat.tried[i][j], heat.won[i][j]))
    for i, edge in enumerate(heat.x_edges):
        y = place.top + place.height - i * height
        parts.append(f'<text x="{place.left - 5:g}" y="{y + 3:.1f}" text-anchor="end">{edge:.2f}</text>')
    for j, edge in enumerate(heat.y_edges):
        x = place.left + place.width - j * width
        parts.append(f'<text x="{x:.1f}" y="{place.top + place.height + 13:g}" text-anchor="middle">{edge:.2f}</text>')
    parts.append(
        f'<text x="{place.left + place.width:g}" y="{place.top + place.height + 26:g}" text-anchor="end">'
        "across: y [m], up: x [m]</text>"
    )
    return "\n".join(parts)


def _cell(x: float, y: float, width: float, height: float, tried: int, won: int) -> str:
    colour = _colour(won / tried) if tried else _NOTHING
    words = f"{won / tried:.0%} of {tried}" if tried else ""
    return (
        f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" fill="{colour}" stroke="{FRAME}"/>'
        f'<text x="{x + width / 2:.1f}" y="{y + height / 2 + 3:.1f}" text-anchor="middle">{words}</text>'
    )


def _colour(share: float) -> str:
    """Between the colours of 0, one half and 1."""
    low, high = (_COLOURS[0], _COLOURS[1]) if share < 0.5 else (_COLOURS[1], _COLOURS[2])
    part = 2 * share if share < 0.5 else 2 * share - 1
    mixed = [round(a + (b - a) * part) for a, b in zip(low, high, strict=True)]
    return "#{:02x}{:02x}{:02x}".format(*mixed)
