"""The plots of a comparison's page, each an SVG of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from so_arm.analysis.svg_bars import BarChart, Bars, bars_svg
from so_arm.analysis.svg_heat import HeatMap, heat_svg
from so_arm.analysis.svg_plot import Curve, Panel, Place, panel_svg
from so_arm.core.joints import JOINT_NAMES
from so_arm.core.statistics import wilson_interval

Report = Mapping[str, Any]  # of `residual_report.residual_report`

BASE_COLOUR, RESIDUAL_COLOUR = "#7d8794", "#1f77b4"
FAILED_COLOUR = "#d1495b"
COLOURS = {"base": BASE_COLOUR, "residual": RESIDUAL_COLOUR}
NAMES = {"base": "base", "residual": "base + residual"}
_LENGTH_BINS = 20


def success_plot(report: Report) -> str:
    """Success of both with their intervals."""
    bars = [
        Bars(colour, [100 * report[side]["success_rate"]], [_percent(report[side]["success_ci95"])])
        for side, colour in COLOURS.items()
    ]
    return _bars(BarChart("success [%]", [""], bars, 100.0), 200)


def length_plot(report: Report) -> str:
    """How long successful episodes took."""
    steps = {side: [row["steps"] for row in report[side]["episodes"] if row["success"]] for side in COLOURS}
    longest = max((row["steps"] for side in COLOURS for row in report[side]["episodes"]), default=1)
    edges = np.linspace(0, longest, _LENGTH_BINS + 1)
    bars = [Bars(colour, np.histogram(steps[side], edges)[0].tolist()) for side, colour in COLOURS.items()]
    return _bars(
        BarChart("successful episodes by length", [f"{edge:.0f}" for edge in edges[1:]], bars), 560, "up to [ticks]"
    )


def position_maps(report: Report) -> str:
    """Success by where the object lay, of both."""
    place = report["where"]["position"]
    width = 330
    x, y = place["x_edges_m"], place["y_edges_m"]
    height = max(60.0, min(400.0, (width - 60) * (x[-1] - x[0]) / (y[-1] - y[0])))
    maps = []
    for side, name in NAMES.items():
        heat = HeatMap(f"success of {name}", x, y, place["episodes"], place[side])
        maps.append(_svg(heat_svg(heat, Place(40, 20, width - 60, height)), width, height + 54))
    return "".join(maps)


def yaw_plot(report: Report) -> str:
    """Success by how the object was turned; empty for an object without a turn."""
    yaw = report["where"]["yaw"]
    if yaw is None:
        return ""
    edges, tried = yaw["edges_deg"], yaw["episodes"]
    groups = [f"{low:.0f}–{high:.0f}°" for low, high in pairwise(edges)]
    bars = [_rates(colour, yaw[side], tried) for side, colour in COLOURS.items()]
    title = "success by turn of the object, modulo 90° [%]"
    return _bars(BarChart(title, groups, bars, 100.0), 460)


def phase_plot(report: Report) -> str:
    """How far failed episodes came."""
    phases = report["where"]["phase"]
    groups = [word.replace("_", " ") for word in phases["base"]]
    bars = [Bars(colour, [phase["failures"] for phase in phases[side].values()]) for side, colour in COLOURS.items()]
    return _bars(BarChart("failed episodes by how far they came", groups, bars), 460)


def use_plots(report: Report) -> str:
    """How much of its bound the residual uses on each joint, and how often it is at its bound."""
    joints = report["residual_use"]["joints"]

    def percent(key: str) -> list[float | None]:
        return [None if joints[name][key] is None else 100 * joints[name][key] for name in JOINT_NAMES]

    use = [Bars(RESIDUAL_COLOUR, percent("rms")), Bars("#a6c8e4", percent("largest"))]
    full = [
        Bars(RESIDUAL_COLOUR, percent("saturated_in_successes")),
        Bars(FAILED_COLOUR, percent("saturated_in_failures")),
    ]
    return _bars(BarChart("residual, RMS and largest [% of its bound]", JOINT_NAMES, use, 100.0), 520) + _bars(
        BarChart("ticks at the bound [%], in successful and in failed episodes", JOINT_NAMES, full, 10.0), 520
    )


def delay_plot(report: Report) -> str:
    """Success over the delay of the policy, with intervals."""
    rows = report["delays"]
    ticks = np.array([row["delay_ticks"] for row in rows], dtype=float)
    curves = []
    for side, colour in COLOURS.items():
        curves.append(Curve(ticks, np.array([100 * row[side]["success_rate"] for row in rows]), colour, width=2.2))
        for end in (0, 1):
            bound = np.array([100 * row[side]["success_ci95"][end] for row in rows])
            curves.append(Curve(ticks, bound, colour, width=0.8, opacity=0.6))
    panel = Panel("success [%], thin: 95 % interval", curves, (0.0, float(max(1.0, ticks[-1]))), least_span=20.0)
    width, height = 460, 260
    return _svg(panel_svg(panel, Place(40, 20, width - 54, height - 54), "delay of the policy [ticks]"), width, height)


def _rates(colour: str, won: Sequence[int], tried: Sequence[int]) -> Bars:
    values = [100 * good / all_ if all_ else None for good, all_ in zip(won, tried, strict=True)]
    return Bars(colour, values, [_percent(wilson_interval(*pair)) for pair in zip(won, tried, strict=True)])


def _percent(interval: Sequence[float]) -> tuple[float, float]:
    return 100 * interval[0], 100 * interval[1]


def _bars(chart: BarChart, width: int, label: str = "") -> str:
    height = 220
    return _svg(bars_svg(chart, Place(40, 20, width - 50, height - 54), label), width, height)


def _svg(inside: str, width: float, height: float) -> str:
    return f'<svg viewBox="0 0 {width:g} {height:g}" style="width:{width:g}px">{inside}</svg>'
