"""Where episodes fail: in the workspace, by the turn of the object, and in the task. Counts, ready for JSON."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from so_arm.core.episode_phase import Phase
from so_arm.core.judged_episode import JudgedEpisode
from so_arm.core.object_start import ObjectStart

#: About the side of a cell [m]; cells divide the area that the starts cover evenly.
CELL_M = 0.05
#: A cube looks the same after every quarter turn.
SYMMETRY_DEG = 90.0
YAW_BINS = 6

Episodes = Mapping[str, Sequence[JudgedEpisode]]  # e.g. of "base" and "residual", in one order of seeds


def failure_map(episodes: Episodes, starts: Mapping[int, ObjectStart]) -> dict[str, Any]:
    """Keys `position`, `yaw` (None for an object without one) and `phase`. starts: by seed."""
    return {
        "position": _by_position(episodes, starts),
        "yaw": _by_yaw(episodes, starts),
        "phase": {name: phases_of_failures(each) for name, each in episodes.items()},
    }


def _by_position(episodes: Episodes, starts: Mapping[int, ObjectStart]) -> dict[str, Any]:
    """Per cell [x][y]: `episodes`, and how many of them succeeded."""
    used = [starts[episode.result.seed] for episode in next(iter(episodes.values()))]
    x_edges = _edges([start.x_m for start in used])
    y_edges = _edges([start.y_m for start in used])

    def counts(members: Sequence[JudgedEpisode]) -> list[list[int]]:
        at = [starts[episode.result.seed] for episode in members]
        table, _, _ = np.histogram2d(
            [start.x_m for start in at], [start.y_m for start in at], bins=(np.array(x_edges), np.array(y_edges))
        )
        return [[int(count) for count in row] for row in table]

    return {"x_edges_m": x_edges, "y_edges_m": y_edges, **_tried_and_won(episodes, counts)}


def _by_yaw(episodes: Episodes, starts: Mapping[int, ObjectStart]) -> dict[str, Any] | None:
    """Per bin of the turn modulo the symmetry: `episodes`, and how many of them succeeded."""
    if any(start.yaw_rad is None for start in starts.values()):
        return None
    edges = np.linspace(0.0, SYMMETRY_DEG, YAW_BINS + 1)

    def counts(members: Sequence[JudgedEpisode]) -> list[int]:
        turns = [folded_yaw_deg(starts[episode.result.seed]) for episode in members]
        return [int(count) for count in np.histogram(turns, edges)[0]]

    return {"edges_deg": edges.tolist(), **_tried_and_won(episodes, counts)}


def folded_yaw_deg(start: ObjectStart) -> float:
    """The turn of the object modulo its symmetry [deg], 0 up to but not including 90; NaN without a turn."""
    if start.yaw_rad is None:
        return math.nan
    return float(np.degrees(start.yaw_rad) % SYMMETRY_DEG) % SYMMETRY_DEG  # a tiny negative turn rounds up to 90


def _tried_and_won(episodes: Episodes, counts: Any) -> dict[str, Any]:
    tried = {"episodes": counts(next(iter(episodes.values())))}
    return tried | {name: counts([each for each in all_ if each.result.success]) for name, all_ in episodes.items()}


def phases_of_failures(episodes: Sequence[JudgedEpisode]) -> dict[str, dict[str, Any]]:
    """Per furthest phase of failed episodes: how many, and the median time of the last progress [s]."""
    failed = [episode for episode in episodes if not episode.result.success]
    found = {}
    for phase in Phase:
        times = [episode.progress_s for episode in failed if episode.phase is phase]
        found[phase.word] = {"failures": len(times), "last_progress_s": float(np.median(times)) if times else None}
    return found


def _edges(values: Sequence[float]) -> list[float]:
    """Of cells of equal size that cover `values`, beginning and ending on whole centimetres."""
    low = math.floor(min(values) * 100.0) / 100.0
    high = max(math.ceil(max(values) * 100.0) / 100.0, low + 0.01)
    cells = max(1, round((high - low) / CELL_M))
    return [round(low + (high - low) * number / cells, 4) for number in range(cells + 1)]
