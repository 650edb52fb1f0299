"""What would help most, in one paragraph: rules that look at the figures of a comparison, and nothing else.

Every rule that finds something says how many failures it would explain beyond what chance or the rest explains; the
paragraph tells the two that explain most.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from so_arm.core.statistics import excess_p

Report = Mapping[str, Any]

#: A region counts as worse only when chance, given how many there are to choose from, is less likely than this.
_BY_CHANCE = 0.05
#: From this share of the ticks of failed episodes at its bound on a joint is short of correction.
_SHORT_OF_BOUND = 0.15
#: A residual that uses less of its bound than this on every joint (RMS) hardly acts.
_HARDLY_ACTS = 0.02
_MOST = 0.5
_NEXT_STEP = {
    "untouched": "the approach: a reward for coming near the object, and features that tell where it is",
    "touched": "the grasp: more training on it (a denser reward between touching and lifting)",
    "lifted": "carrying: a larger penalty for dropping, or a firmer grip (the gripper's bound)",
    "near_target": "putting down: a reward for releasing and being still, or more time",
}


class Finding(NamedTuple):
    """explains: failures, may be a fraction."""

    explains: float
    sentence: str


def advice(report: Report) -> str:
    """One paragraph about the base with its residual. report: of `residual_report.residual_report`."""
    side = report["residual"]
    episodes, failures = len(side["episodes"]), sum(side["failures"].values())
    if not failures:
        harder = "domain randomisation" if len(report["delays"]) > 1 else "domain randomisation, policy latency"
        return (
            f"All {episodes} episodes succeeded. More episodes would narrow the interval, and a harder test "
            f"({harder}) would tell more than this one." + _latency(report)
        )
    found = sorted(filter(None, (rule(report) for rule in _RULES)), key=lambda finding: -finding.explains)
    kind, count = next(iter(side["failures"].items()))
    begin = f"With the residual {failures} of {episodes} episodes fail, {count} of them as {kind.replace('_', ' ')}."
    if not found:
        return f"{begin} They show no pattern: more training steps are the next thing to try." + _latency(report)
    first, *rest = found
    second = f" Next: {rest[0].sentence}." if rest else ""
    return f"{begin} What would help most: {first.sentence}.{second}" + _latency(report)


def _idle(report: Report) -> Finding | None:
    joints = report["residual_use"]["joints"]
    most = max(joint["rms"] or 0.0 for joint in joints.values())
    if most >= _HARDLY_ACTS:
        return None
    failures = sum(report["residual"]["failures"].values())
    if report["meta"]["residual"] is None:
        return Finding(failures, "a trained residual, because this is the zero residual")
    return Finding(
        failures, f"a residual that acts, because this one uses {most:.1%} of its bound at most (RMS): train it longer"
    )


def _harmful(report: Report) -> Finding | None:
    fixed, broken = len(report["fixed"]), len(report["broken"])
    if broken == 0 or 3 * broken < fixed:
        return None
    return Finding(
        broken,
        f"doing less harm, because it breaks {broken} episodes and fixes {fixed}: train longer, or narrow the bound",
    )


def _saturated(report: Report) -> Finding | None:
    joints = report["residual_use"]["joints"]
    name, joint = max(joints.items(), key=lambda item: item[1]["saturated_in_failures"] or 0.0)
    share = joint["saturated_in_failures"] or 0.0
    elsewhere = joint["saturated_in_successes"] or 0.0
    if share < _SHORT_OF_BOUND or share < 1.5 * elsewhere:
        return None
    failures = sum(report["residual"]["failures"].values())
    return Finding(
        (share - elsewhere) * failures,
        f"a larger bound for {name}, which is at its bound during {share:.0%} of the ticks of failed episodes "
        f"({elsewhere:.0%} of successful ones)",
    )


def _region(report: Report) -> Finding | None:
    place = report["where"]["position"]
    x, y = place["x_edges_m"], place["y_edges_m"]
    cells = {
        f"x {x[i]:.2f} to {x[i + 1]:.2f} m and y {y[j]:.2f} to {y[j + 1]:.2f} m": (
            place["episodes"][i][j],
            place["episodes"][i][j] - place["residual"][i][j],
        )
        for i in range(len(x) - 1)
        for j in range(len(y) - 1)
    }
    return _worst(cells, "training more often with the object at {}")


def _turn(report: Report) -> Finding | None:
    yaw = report["where"]["yaw"]
    if yaw is None:
        return None
    edges = yaw["edges_deg"]
    bins = {
        f"{edges[i]:.0f} to {edges[i + 1]:.0f}°": (yaw["episodes"][i], yaw["episodes"][i] - yaw["residual"][i])
        for i in range(len(edges) - 1)
    }
    return _worst(bins, "training more often with the object turned by {}")


def _worst(members: Mapping[str, tuple[int, int]], what: str) -> Finding | None:
    """The one of `members` (name to episodes and failures) with most failures above the rate of all the others."""
    episodes = sum(tried for tried, _ in members.values())
    failures = sum(failed for _, failed in members.values())
    found = []
    for name, (tried, failed) in members.items():
        if len(members) * excess_p(failed, tried, failures, episodes) < _BY_CHANCE:
            rest = (failures - failed) / (episodes - tried)
            sentence = f"{what.format(name)}, where {failed} of {tried} fail ({rest:.0%} elsewhere)"
            found.append(Finding(failed - rest * tried, sentence))
    return max(found, default=None)


def _phase(report: Report) -> Finding | None:
    phases = report["where"]["phase"]["residual"]
    failures = sum(phase["failures"] for phase in phases.values())
    word, phase = max(phases.items(), key=lambda item: item[1]["failures"])
    share = phase["failures"] / failures
    if share < _MOST:
        return None
    reached = {"untouched": "never touch the object", "touched": "touch the object but do not lift it"}
    reached |= {"lifted": "lift it but do not bring it near the target", "near_target": "end near the target"}
    when = "" if word == "untouched" else f", with the last progress after {phase['last_progress_s']:.1f} s"
    # A phase says what to work on, but not what is wrong there: half of its failures count.
    return Finding(
        phase["failures"] / 2, f"{_NEXT_STEP[word]}; {phase['failures']} of {failures} failures {reached[word]}{when}"
    )


_RULES: tuple[Callable[[Report], Finding | None], ...] = (_idle, _harmful, _saturated, _region, _turn, _phase)


def _latency(report: Report) -> str:
    """A sentence about the least delay that costs the residual more than chance explains; empty where none does."""
    episodes, delays = len(report["residual"]["episodes"]), report["delays"]
    failures = {row["delay_ticks"]: round((1.0 - row["residual"]["success_rate"]) * episodes) for row in delays}
    for row in delays:
        failed = failures[row["delay_ticks"]]
        if len(delays) * excess_p(failed, episodes, failed + failures[0], 2 * episodes) < _BY_CHANCE:
            ticks = f"{row['delay_ticks']} tick{'s' * (row['delay_ticks'] > 1)}"
            return (
                f" A policy that answers {ticks} ({row['delay_ms']:.0f} ms) late costs "
                f"{100 * row['lost']['residual']:.0f} points of success: train with that latency if the arm has it."
            )
    return ""
