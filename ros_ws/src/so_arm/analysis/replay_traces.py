"""One recorded episode and the answers to it over time, as SVG: joints, residual, reward, and a cursor to move."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from so_arm.analysis.svg_plot import Curve, Panel, Place, panel_svg
from so_arm.core.joints import JOINT_NAMES
from so_arm.core.predictions import Predictions
from so_arm.core.reward_trace import RewardTrace
from so_arm.data.recordings.recording import RecordedFrames

RECORDED_COLOUR = "#20262d"
POLICY_COLOURS = ("#1769aa", "#d9620d")
JOIN_COLOUR = "#c3c9d1"
_JOINT_COLOURS = ("#1769aa", "#d9620d", "#2a9d5c", "#8e5ea2", "#b8860b", "#d1495b")

#: As in the videos of episodes: a bonus of 500 leaves the rest visible.
_REWARD_LINEAR = 10.0

_WIDTH, _LEFT, _RIGHT = 820, 52, 12
_PANEL, _GAP, _TOP, _BOTTOM = 92, 30, 22, 34


def traces_svg(
    frames: RecordedFrames, answers: Mapping[str, Predictions], reward: RewardTrace, fps: float
) -> tuple[str, tuple[float, float]]:
    """The picture, and the x of its plots [px] at the first moment of the episode and at its end.

    answers: policy to its predictions. Each chunk is drawn in full, thin; the executed steps are drawn bold.
    """
    panels = _panels(frames, answers, reward, fps)
    place = _places(len(panels))
    parts = [
        panel_svg(panel, place[row], "time [s]" if row == len(panels) - 1 else "") for row, panel in enumerate(panels)
    ]
    bottom = place[-1].top + place[-1].height
    height = bottom + _BOTTOM
    cursor = f'<line class="cursor" x1="{_LEFT}" x2="{_LEFT}" y1="{_TOP}" y2="{bottom}"/>'
    svg = f'<svg class="traces" viewBox="0 0 {_WIDTH} {height}">\n' + "\n".join([*parts, cursor]) + "\n</svg>"
    return svg, (_LEFT, _WIDTH - _RIGHT)


def _places(count: int) -> list[Place]:
    return [Place(_LEFT, _TOP + row * (_PANEL + _GAP), _WIDTH - _LEFT - _RIGHT, _PANEL) for row in range(count)]


def _panels(frames: RecordedFrames, answers: Mapping[str, Predictions], reward: RewardTrace, fps: float) -> list[Panel]:
    seconds = np.arange(len(frames)) / fps
    limits = (0.0, len(frames) / fps)
    first = next(iter(answers.values()))
    joins = [(tick + first.delay) / fps for tick, _ in first.chunks[1:] if tick + first.delay < len(frames)]
    marks = [(JOIN_COLOUR, joins)]
    panels = [
        Panel(f"{name} [°]", _joint_curves(frames, answers, joint, seconds), limits, marks, least_span=5.0)
        for joint, name in enumerate(JOINT_NAMES)
    ]
    for name, predictions in answers.items():
        if np.nanmax(np.abs(predictions.residual), initial=0.0) > 0.0:
            curves = [
                Curve(seconds, np.degrees(predictions.residual[:, joint]), colour)
                for joint, colour in enumerate(_JOINT_COLOURS)
            ]
            panels.append(Panel(f"residual on {name} [°], a colour per joint", curves, limits, least_span=0.5))
    if reward.values is not None:
        curve = Curve(seconds, reward.values, "#2a9d5c")
        panels.append(Panel(f"reward per tick ({reward.source})", [curve], limits, linear_to=_REWARD_LINEAR))
    return panels


def _joint_curves(
    frames: RecordedFrames, answers: Mapping[str, Predictions], joint: int, seconds: np.ndarray
) -> list[Curve]:
    curves = []
    for colour, predictions in zip(POLICY_COLOURS, answers.values(), strict=False):
        for tick, steps in predictions.chunks:
            shown = np.degrees(steps[: len(frames) - tick, joint])
            curves.append(Curve(seconds[tick : tick + len(shown)], shown, colour, width=0.8, opacity=0.35))
    curves.append(Curve(seconds, np.degrees(frames.action[:, joint]), RECORDED_COLOUR, width=1.8))
    for colour, predictions in zip(POLICY_COLOURS, answers.values(), strict=False):
        curves.append(Curve(seconds, np.degrees(predictions.action[:, joint]), colour, width=1.8))
    return curves
