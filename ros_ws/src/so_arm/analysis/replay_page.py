"""The page of a replay: one HTML file with tables, plots and videos in it, and nothing that is fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

import numpy as np

from so_arm.analysis.html_table import html_table
from so_arm.analysis.replay_page_parts import FOLLOW_VIDEO, STYLE
from so_arm.analysis.replay_rows import DIFFERENCE, figure_rows, recording_rows
from so_arm.analysis.replay_scores import ALL
from so_arm.analysis.replay_traces import POLICY_COLOURS, RECORDED_COLOUR, traces_svg
from so_arm.analysis.replay_video import episode_video
from so_arm.analysis.svg_plot import Curve, Panel, Place, panel_svg
from so_arm.core.joints import JOINT_NAMES
from so_arm.core.predictions import Predictions
from so_arm.core.reward_trace import RewardTrace
from so_arm.data.recordings.recording import RecordedFrames


@dataclass(frozen=True, eq=False)
class ShownEpisode:
    """An episode with video and traces. why: what makes it worth showing. answers: policy to its predictions."""

    why: str
    frames: RecordedFrames
    reward: RewardTrace
    answers: Mapping[str, Predictions]


def shown_episodes(report: Mapping[str, Any]) -> dict[int, str]:
    """Which episodes a page shows, by their place in the report, and why: least, median and largest error.

    Error over the chunk of the first policy; the earlier one of equal episodes.
    """
    errors = [episode["chunk_error"]["mae_deg"][ALL] for episode in report["policies"][0]["episodes"]]
    order = np.argsort(np.array(errors), kind="stable")
    chosen: dict[int, str] = {}
    for place, why in ((0, "least error"), (len(order) - 1, "largest error"), (len(order) // 2, "median error")):
        chosen.setdefault(int(order[place]), why)
    return chosen


def replay_page(report: Mapping[str, Any], timing: Mapping[str, Any], shown: Sequence[ShownEpisode]) -> str:
    """HTML text. report: of `replay_report.build_report`; timing: as in timing.json."""
    fps = report["settings"]["fps"]
    names = [policy["policy"] for policy in report["policies"]]
    return "\n".join(
        [
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            f"<title>Replay of {escape(report['settings']['recording'])}</title>",
            f"<style>{STYLE}</style>\n</head>\n<body>",
            f"<h1>Replay of {escape(report['settings']['recording'])}</h1>",
            "<p>What the policy answers to the recorded observations, against what was done. Open loop: whatever it "
            "answers, the next observation is the recorded one, so this tells nothing of how often it would succeed."
            "</p>",
            _legend(names),
            "<h2>All episodes</h2>",
            html_table(["", *names, *([DIFFERENCE] if report["comparison"] else [])], figure_rows(report, timing)),
            '<div class="words">',
            html_table(None, [(name, [value]) for name, value in recording_rows(report, timing)]),
            "</div>",
            "<h2>Mean error by step ahead</h2>",
            _error_plots(report),
            *[_episode(each, fps) for each in shown],
            "<h2>Every episode</h2>",
            _episode_table(report),
            f"<script>{FOLLOW_VIDEO}</script>\n</body>\n</html>\n",
        ]
    )


def _legend(names: Sequence[str]) -> str:
    entries = [(RECORDED_COLOUR, "recorded action"), *zip(POLICY_COLOURS, names, strict=False)]
    swatches = [f'<span class="swatch" style="background:{colour}"></span>{escape(name)}' for colour, name in entries]
    return f'<p class="legend">{" ".join(swatches)} &ensp; thin: whole chunks, dashed: where chunks join</p>'


def _error_plots(report: Mapping[str, Any]) -> str:
    """All joints together and each alone, a curve per policy."""
    width, height = 270, 130
    curves = [policy["summary"]["error_by_step"]["mae_deg"] for policy in report["policies"]]
    plots = []
    for name in (ALL, *JOINT_NAMES):
        lines = [
            Curve(np.arange(len(each[name])), np.array(each[name]), colour, width=1.8)
            for colour, each in zip(POLICY_COLOURS, curves, strict=False)
        ]
        limits = (0.0, float(max(1, *(len(each[name]) - 1 for each in curves))))
        title = f"{'all joints' if name == ALL else name} [°]"
        plot = panel_svg(Panel(title, lines, limits), Place(38, 20, width - 48, height - 54), "steps ahead")
        plots.append(f'<svg viewBox="0 0 {width} {height}">{plot}</svg>')
    return f'<div class="plots">{"".join(plots)}</div>'


def _episode(shown: ShownEpisode, fps: float) -> str:
    frames = shown.frames
    svg, (left, right) = traces_svg(frames, shown.answers, shown.reward, fps)
    told = {True: "success", False: "failure", None: ""}[frames.success]
    title = ", ".join(filter(None, [frames.name, shown.why, told]))
    video = (
        f'<video src="{episode_video(frames, fps)}" controls muted playsinline></video>'
        f"<p>{escape(' and '.join(frames.cameras))}; click on a plot to go there.</p>"
        if frames.cameras
        else "<p>The recording has no images.</p>"
    )
    return (
        f'<section class="episode" data-seconds="{len(frames) / fps:.6f}" data-left="{left}" data-right="{right}">\n'
        f'<h2>{escape(title)}</h2>\n<div class="beside">\n<div class="view">{video}</div>\n{svg}\n</div>\n</section>'
    )


def _episode_table(report: Mapping[str, Any]) -> str:
    policies = report["policies"]
    head = ["episode", "ticks", "label", "return", *(f"error of {policy['policy']}" for policy in policies)]
    rows = []
    for number, fact in enumerate(report["recording"]["episodes"]):
        label = {True: "success", False: "failure", None: ""}[fact["success"]]
        earned = "" if fact["reward"]["return"] is None else f"{fact['reward']['return']:.1f}"
        errors = [f"{policy['episodes'][number]['chunk_error']['mae_deg'][ALL]:.2f}°" for policy in policies]
        rows.append((fact["name"], [str(fact["ticks"]), label, earned, *errors]))
    return html_table(head, rows)
