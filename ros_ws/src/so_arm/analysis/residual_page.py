"""The page of a comparison of base and residual: one HTML file with tables, plots and videos, nothing is fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from so_arm.analysis import residual_page_plots as plots
from so_arm.analysis.html_table import html_table
from so_arm.analysis.replay_page_parts import STYLE
from so_arm.analysis.residual_rows import (
    COLUMNS,
    DELAY_COLUMNS,
    delay_rows,
    figure_rows,
    outcome_rows,
    plain,
    verdict_rows,
)

Report = Mapping[str, Any]  # of `residual_report.residual_report`

_STYLE = """
.plots svg { width: auto; } .advice { background: #f3f6fa; padding: 12px 16px; border-left: 4px solid #1f77b4; }
.videos { display: flex; flex-wrap: wrap; gap: 16px; } .videos figure { margin: 0; width: 420px; }
"""


@dataclass(frozen=True)
class ChangedVideo:
    """An episode that the residual fixed or broke. source: data URI, base on the left, base + residual on the right."""

    seed: int
    before: str
    after: str
    source: str


def residual_page(report: Report, videos: Sequence[ChangedVideo]) -> str:
    """HTML text."""
    meta = report["meta"]
    title = f"Residual {meta['residual'] or '(zero)'} on {meta['policy']}"
    kinds, outcomes = outcome_rows(report)
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f"<title>{escape(title)}</title>\n<style>{STYLE}{_STYLE}</style>\n</head>\n<body>",
            f"<h1>{escape(title)}</h1>",
            _legend(),
            f'<p class="advice">{escape(report["advice"])}</p>',
            html_table(["", *COLUMNS], figure_rows(report)),
            '<div class="words">',
            html_table(None, [(name, [value]) for name, value in verdict_rows(report)]),
            "</div>",
            "<p>In brackets: 95 % intervals. Smoothness: RMS of the second difference of the commanded joint targets "
            "over the square of the control period; less is smoother.</p>",
            _plots(plots.success_plot(report), plots.length_plot(report)),
            "<h2>Outcomes before and after</h2>",
            "<p>Rows: of the base; columns: of the same seeds with the residual.</p>",
            html_table(["base", *kinds], outcomes),
            "<h2>Where it fails</h2>",
            _plots(plots.position_maps(report), plots.yaw_plot(report), plots.phase_plot(report)),
            "<h2>What the residual does</h2>",
            _plots(plots.use_plots(report)),
            *_delays(report),
            *_changed(videos),
            "<h2>What was run</h2>",
            '<div class="words">',
            html_table(None, [(key, [_setting(meta[key])]) for key in meta if key != "machine"]),
            "</div>\n</body>\n</html>\n",
        ]
    )


def _legend() -> str:
    swatches = [
        f'<span class="swatch" style="background:{plots.COLOURS[side]}"></span>{name}'
        for side, name in plots.NAMES.items()
    ]
    return f'<p class="legend">{" ".join(swatches)} &ensp; lines on bars: 95 % intervals</p>'


def _plots(*svgs: str) -> str:
    return f'<div class="plots">{"".join(svgs)}</div>'


def _delays(report: Report) -> list[str]:
    if len(report["delays"]) < 2:
        return []
    return [
        "<h2>Policy latency</h2>",
        "<p>Loss: what the residual loses of its success, by what the base loses.</p>",
        html_table(["delay", *DELAY_COLUMNS], delay_rows(report)),
        _plots(plots.delay_plot(report)),
    ]


def _changed(videos: Sequence[ChangedVideo]) -> list[str]:
    if not videos:
        return []
    figures = [
        f'<figure><video src="{video.source}" controls muted loop playsinline></video>'
        f"<figcaption>seed {video.seed}: {escape(plain(video.before))}, with the residual "
        f"{escape(plain(video.after))}</figcaption></figure>"
        for video in videos
    ]
    return [
        "<h2>Episodes that changed</h2>\n<p>Left the base, right with the residual.</p>",
        f'<div class="videos">{"".join(figures)}</div>',
    ]


def _setting(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value)
    return "none" if value is None else str(value)
