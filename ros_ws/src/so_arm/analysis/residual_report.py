"""A base policy against the base with its residual, on the same seeds: everything a page or a program asks for."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from so_arm.analysis.failure_map import failure_map, folded_yaw_deg
from so_arm.analysis.report import build_report
from so_arm.analysis.residual_advice import advice
from so_arm.core.clock import CONTROL_HZ
from so_arm.core.episode import EpisodeResult
from so_arm.core.episode_info import SUCCESS
from so_arm.core.joints import JOINT_NAMES
from so_arm.core.judged_episode import JudgedEpisode
from so_arm.core.object_start import ObjectStart
from so_arm.core.paired_statistics import paired_mean_difference, paired_success
from so_arm.core.residual_use import ResidualUse
from so_arm.core.statistics import mean, wilson_interval


@dataclass(frozen=True, eq=False)
class Pair:
    """The same episodes without and with the residual, each in the order of the seeds."""

    base: Sequence[JudgedEpisode]
    residual: Sequence[JudgedEpisode]

    @property
    def sides(self) -> dict[str, Sequence[JudgedEpisode]]:
        return {"base": self.base, "residual": self.residual}

    def changed(self) -> tuple[list[int], list[int]]:
        """Seeds that the residual fixed, and those that it broke."""
        both = [(one.result, other.result) for one, other in zip(self.base, self.residual, strict=True)]
        fixed = [one.seed for one, other in both if other.success and not one.success]
        return fixed, [one.seed for one, other in both if one.success and not other.success]


def residual_report(
    pairs: Mapping[int, Pair],
    starts: Mapping[int, ObjectStart],
    settings: Mapping[str, Any],
    provenance: Mapping[str, Any],
) -> dict[str, Any]:
    """Ready for JSON; the same for the same episodes, but for `provenance`.

    pairs: by delay of the policy [control ticks]; 0 is the comparison, the others are the delay study. starts: by
    seed. settings: what was run, among it `residual` and its `bound` (6 shares of the joints' half ranges).
    """
    pair = pairs[0]
    fixed, broken = pair.changed()
    before, after = _results(pair.base), _results(pair.residual)
    report: dict[str, Any] = {
        "base": build_report(before, {**settings, "residual": None, "bound": None, **provenance}),
        "residual": build_report(after, {**settings, **provenance}),
        **_figures(before, after),
        "fixed": fixed,
        "broken": broken,
        "outcomes": outcomes(pair),
        "smoothness_rad_s2": _smoothness(pair),
        "safety": _safety(pairs),
        "residual_use": {"bound": settings["bound"], "joints": _joints(pair.residual)},
        "where": failure_map(pair.sides, starts),
        "delays": [_delayed(ticks, pairs[ticks], pair) for ticks in sorted(pairs)],
        "details": _details(pair, starts),
    }
    report["meta"] = {**settings, "delays": sorted(pairs), **provenance}
    return report | {"advice": advice(report)}


def outcomes(pair: Pair) -> dict[str, dict[str, int]]:
    """How many episodes went from which outcome to which; each that occurs has a row and a column."""
    words = [(one.outcome, other.outcome) for one, other in zip(pair.base, pair.residual, strict=True)]
    kinds = [SUCCESS, *sorted({word for pair in words for word in pair} - {SUCCESS})]
    return {kind: {other: words.count((kind, other)) for other in kinds} for kind in kinds}


def _results(episodes: Sequence[JudgedEpisode]) -> list[EpisodeResult]:
    return [episode.result for episode in episodes]


def _figures(before: Sequence[EpisodeResult], after: Sequence[EpisodeResult]) -> dict[str, Any]:
    success = paired_success([result.success for result in before], [result.success for result in after])
    reward, reward_ci95 = paired_mean_difference([each.reward for each in before], [each.reward for each in after])
    both = [(one, other) for one, other in zip(before, after, strict=True) if one.success and other.success]
    return {
        "failure_ratio": success.failure_ratio,
        "failure_ratio_ci95": success.failure_ratio_ci95,
        "success_difference": success.difference,
        "success_difference_ci95": success.difference_ci95,
        "mcnemar_p": success.mcnemar_p,
        "reward_difference": reward,
        "reward_difference_ci95": reward_ci95,
        "length_ratio": _ratio(
            mean([each.steps for each in after if each.success]), mean([each.steps for each in before if each.success])
        ),
        "length_ratio_of_both": _ratio(mean([other.steps for _, other in both]), mean([one.steps for one, _ in both])),
        "success_steps": {
            "base": _number(mean([each.steps for each in before if each.success])),
            "residual": _number(mean([each.steps for each in after if each.success])),
        },
    }


def _smoothness(pair: Pair) -> dict[str, float | None]:
    means = {name: mean([episode.smoothness for episode in side]) for name, side in pair.sides.items()}
    return {name: _number(value) for name, value in means.items()} | {"ratio": _ratio(means["residual"], means["base"])}


def _safety(pairs: Mapping[int, Pair]) -> dict[str, Any]:
    """Ticks of all episodes, those of the delay study too; `kept` is whether there is none."""
    corrected = [use for pair in pairs.values() for use in _uses(pair.residual)]
    outside = {
        name: sum(episode.outside_limits for pair in pairs.values() for episode in pair.sides[name])
        for name in ("base", "residual")
    }
    counts = {
        "residual_above_bound": sum(use.above_bound for use in corrected),
        "residual_pushed_outside": sum(use.pushed_outside for use in corrected),
    }
    return {
        "commands_outside_limits": outside,
        **counts,
        "largest_share_of_bound": max((max(use.largest) for use in corrected), default=0.0),
        "kept": not any([*outside.values(), *counts.values()]),
    }


def _joints(episodes: Sequence[JudgedEpisode]) -> dict[str, dict[str, float | None]]:
    """Per joint, shares of the bound over all ticks, and of the ticks at the bound in failed and in good episodes."""
    everyone = list(_uses(episodes))
    lost = list(_uses([episode for episode in episodes if not episode.result.success]))
    won = list(_uses([episode for episode in episodes if episode.result.success]))
    return {
        name: {
            "rms": _number(math.sqrt(_weighted([(use.ticks, use.rms[joint] ** 2) for use in everyone]))),
            "largest": max((use.largest[joint] for use in everyone), default=0.0),
            "saturated": _number(_weighted([(use.ticks, use.saturated[joint]) for use in everyone])),
            "saturated_in_failures": _number(_weighted([(use.ticks, use.saturated[joint]) for use in lost])),
            "saturated_in_successes": _number(_weighted([(use.ticks, use.saturated[joint]) for use in won])),
        }
        for joint, name in enumerate(JOINT_NAMES)
    }


def _uses(episodes: Sequence[JudgedEpisode]) -> list[ResidualUse]:
    return [episode.residual for episode in episodes if episode.residual is not None]


def _weighted(values: Sequence[tuple[int, float]]) -> float:
    """Mean of (weight, value); NaN without any weight."""
    total = sum(weight for weight, _ in values)
    return sum(weight * value for weight, value in values) / total if total else math.nan


def _delayed(ticks: int, pair: Pair, without: Pair) -> dict[str, Any]:
    """lost: success rate without delay - success rate with it. lost_ratio: the residual's by the base's."""
    sides = {name: _rate(side) for name, side in pair.sides.items()}
    lost = {name: _rate(without.sides[name])["success_rate"] - sides[name]["success_rate"] for name in sides}
    return {
        "delay_ticks": ticks,
        "delay_ms": 1e3 * ticks / CONTROL_HZ,
        **sides,
        "lost": lost,
        "lost_ratio": lost["residual"] / lost["base"] if lost["base"] > 0 else None,
    }


def _rate(episodes: Sequence[JudgedEpisode]) -> dict[str, Any]:
    won = sum(episode.result.success for episode in episodes)
    return {"success_rate": won / len(episodes), "success_ci95": list(wilson_interval(won, len(episodes)))}


def _details(pair: Pair, starts: Mapping[int, ObjectStart]) -> list[dict[str, Any]]:
    rows = []
    for base, residual in zip(pair.base, pair.residual, strict=True):
        start = starts[base.result.seed]
        rows.append(
            {
                "seed": base.result.seed,
                "x_m": start.x_m,
                "y_m": start.y_m,
                "yaw_deg": _number(folded_yaw_deg(start)),
                "base": _detail(base),
                "residual": _detail(residual),
            }
        )
    return rows


def _detail(episode: JudgedEpisode) -> dict[str, Any]:
    return {
        "outcome": episode.outcome,
        "phase": episode.phase.word,
        "last_progress_s": episode.progress_s,
        "smoothness_rad_s2": _number(episode.smoothness),
        "use": None if episode.residual is None else _rounded(asdict(episode.residual)),
    }


def _rounded(use: Mapping[str, Any]) -> dict[str, Any]:
    """Shares to a hundredth of a percent, which keeps the file small."""
    return {key: [round(share, 4) for share in each] if isinstance(each, tuple) else each for key, each in use.items()}


def _ratio(above: float, below: float) -> float | None:
    return _number(above / below) if below else None


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value
