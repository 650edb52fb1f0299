"""Reward and joint curves of an episode that grow with time, as pictures for a video.

Matplotlib draws the axes once per episode; each frame then only adds one line segment per curve to that picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from so_arm.core.joints import JOINT_NAMES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

BACKGROUND = "#15181d"
TEXT = "#c9d1d9"
GRID = "#2c323a"
REWARD_RGB = (120, 220, 150)
MEASURED_RGB = (90, 170, 255)
COMMAND_RGB = (190, 140, 70)

_DPI = 100
_SUBPIXEL_BITS = 4
#: Rewards are linear up to here and logarithmic beyond, so that a bonus of 500 leaves the rest visible.
_REWARD_LINEAR = 10.0


class TracePanel:
    """Pictures (height, width, 3) uint8 RGB of the curves up to a tick.

    reward: (T,). joint_position, action: (T, 6) [rad], drawn in degrees. size: (width, height) [px].
    """

    def __init__(
        self,
        reward: np.ndarray,
        joint_position: np.ndarray,
        action: np.ndarray,
        size: tuple[int, int],
        fps: float,
    ) -> None:
        seconds = np.arange(len(reward)) / fps
        measured, command = np.degrees(joint_position), np.degrees(action)
        self._picture, axes = _background(seconds, reward, measured, command, size)
        self._curves = [(_pixels(axes[0], seconds, reward, size[1]), REWARD_RGB, 2)]
        for joint, plot in enumerate(axes[1:]):
            self._curves.append((_pixels(plot, seconds, command[:, joint], size[1]), COMMAND_RGB, 1))
            self._curves.append((_pixels(plot, seconds, measured[:, joint], size[1]), MEASURED_RGB, 1))
        self._drawn = 0

    def up_to(self, tick: int) -> np.ndarray:
        """The picture with every curve drawn up to `tick`; ticks only ever grow. Do not write into it."""
        for points, colour, width in self._curves:
            piece = points[self._drawn : tick + 1]
            if len(piece) > 1:
                cv2.polylines(self._picture, [piece], False, colour, width, cv2.LINE_AA, shift=_SUBPIXEL_BITS)
        self._drawn = max(self._drawn, tick)
        return self._picture


def _background(
    seconds: np.ndarray,
    reward: np.ndarray,
    measured: np.ndarray,
    command: np.ndarray,
    size: tuple[int, int],
) -> tuple[np.ndarray, list[Axes]]:
    """Empty axes with fixed limits as a picture, and the axes: the reward's, then one per joint."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(size[0] / _DPI, size[1] / _DPI), dpi=_DPI, facecolor=BACKGROUND, layout="constrained")
    canvas = FigureCanvasAgg(figure)
    grid = figure.add_gridspec(2, 5)
    reward_axes = figure.add_subplot(grid[:, :2])
    joint_axes = [figure.add_subplot(grid[i // 3, 2 + i % 3]) for i in range(len(JOINT_NAMES))]

    _style(reward_axes, "reward per tick", seconds)
    reward_axes.set_yscale("symlog", linthresh=_REWARD_LINEAR)
    reward_axes.set_ylim(*_limits(reward, 1.0))
    reward_axes.set_xlabel("s", color=TEXT, fontsize=7, labelpad=0)
    for joint, axes in enumerate(joint_axes):
        _style(axes, f"{JOINT_NAMES[joint]} [°]", seconds)
        axes.set_ylim(*_limits(np.stack([measured[:, joint], command[:, joint]]), 5.0))
    for place, colour, words in ((0.01, MEASURED_RGB, "measured"), (0.07, COMMAND_RGB, "command")):
        figure.text(place, 0.012, words, color=[part / 255 for part in colour], fontsize=7)
    canvas.draw()
    return np.array(canvas.buffer_rgba())[:, :, :3].copy(), [reward_axes, *joint_axes]


def _style(axes: Axes, title: str, seconds: np.ndarray) -> None:
    axes.set_facecolor(BACKGROUND)
    axes.set_title(title, color=TEXT, fontsize=8, pad=3)
    axes.tick_params(colors=TEXT, labelsize=6, length=2, pad=1)
    axes.grid(color=GRID, lw=0.6)
    for spine in axes.spines.values():
        spine.set_color(GRID)
    axes.set_xlim(0.0, max(float(seconds[-1]), 1e-3))


def _limits(values: np.ndarray, least_span: float) -> tuple[float, float]:
    """Axis limits around finite `values`, with a margin and at least `least_span` wide."""
    low, high = float(np.min(values)), float(np.max(values))
    margin = max(0.08 * (high - low), (least_span - (high - low)) / 2, 1e-6)
    return low - margin, high + margin


def _pixels(axes: Axes, x: np.ndarray, y: np.ndarray, height: int) -> np.ndarray:
    """Data to picture coordinates (T, 2), y downwards, as OpenCV's fixed-point numbers."""
    xy = axes.transData.transform(np.column_stack([x, y]))
    xy[:, 1] = height - xy[:, 1]
    return np.round(xy * 2**_SUBPIXEL_BITS).astype(np.int32)
