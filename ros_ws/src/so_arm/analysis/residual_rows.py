"""The figures of a comparison as rows of words, for terminal and page alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Report = Mapping[str, Any]  # of `residual_report.residual_report`
Row = tuple[str, Sequence[str]]

#: Of the columns of `figure_rows` and of `delay_rows`.
COLUMNS = ("base", "base + residual", "difference")
DELAY_COLUMNS = ("base [%]", "base + residual [%]", "loss")
NONE = "-"


def figure_rows(report: Report) -> list[Row]:
    """Per figure: of the base, with the residual, and what changed."""
    base, residual = report["base"], report["residual"]
    steps, smooth = report["success_steps"], report["smoothness_rad_s2"]
    return [
        ("success rate [%]", [_rate(base), _rate(residual), _points(report)]),
        ("mean reward", [f"{base['mean_reward']:.1f}", f"{residual['mean_reward']:.1f}", _reward(report)]),
        ("steps to success", [_word(steps["base"]), _word(steps["residual"]), times(report["length_ratio"])]),
        ("smoothness", [_acceleration(smooth["base"]), _acceleration(smooth["residual"]), times(smooth["ratio"])]),
    ]


def verdict_rows(report: Report) -> list[tuple[str, str]]:
    """What the comparison comes to."""
    ratio, interval = report["failure_ratio"], report["failure_ratio_ci95"]
    failures = "the base never fails" if ratio is None else f"{times(ratio)}   (95 % interval {_between(interval)})"
    return [
        ("failures, after / before", failures),
        ("fixed / broken", f"{len(report['fixed'])} / {len(report['broken'])}   (McNemar p {report['mcnemar_p']:.2g})"),
        ("steps where both succeed", times(report["length_ratio_of_both"])),
        ("limits and bounds", safety_words(report["safety"])),
    ]


def outcome_rows(report: Report) -> tuple[list[str], list[Row]]:
    """Column names and rows of the table from outcome before to outcome after; outcomes of neither are left out."""
    table: Mapping[str, Mapping[str, int]] = report["outcomes"]
    columns = [kind for kind in table if any(after[kind] for after in table.values())]
    rows: list[Row] = [
        (plain(kind), [str(after[column] or "") for column in columns])
        for kind, after in table.items()
        if any(after.values())
    ]
    return [plain(kind) for kind in columns], rows


def delay_rows(report: Report) -> list[Row]:
    """Per delay: success of both, and what share of the base's loss the residual loses."""
    return [
        (
            f"{row['delay_ticks']} ticks ({row['delay_ms']:.0f} ms)",
            [_rate(row["base"]), _rate(row["residual"]), times(row["lost_ratio"])],
        )
        for row in report["delays"]
    ]


def safety_words(safety: Mapping[str, Any]) -> str:
    if safety["kept"]:
        return f"kept; largest residual {safety['largest_share_of_bound']:.1%} of its bound"
    outside = sum(safety["commands_outside_limits"].values())
    return (
        f"NOT KEPT: {outside} commands outside the joint limits, {safety['residual_above_bound']} residuals above "
        f"their bound, {safety['residual_pushed_outside']} that pushed a command outside (ticks)"
    )


def plain(kind: str) -> str:
    return kind.replace("_", " ")


def times(ratio: float | None) -> str:
    return NONE if ratio is None else f"x {ratio:.2f}"


def _rate(side: Mapping[str, Any]) -> str:
    low, high = side["success_ci95"]
    return f"{100 * side['success_rate']:.1f} ({100 * low:.0f} to {100 * high:.0f})"


def _points(report: Report) -> str:
    low, high = report["success_difference_ci95"]
    return f"{100 * report['success_difference']:+.1f} ({100 * low:+.0f} to {100 * high:+.0f})"


def _reward(report: Report) -> str:
    low, high = report["reward_difference_ci95"]
    return f"{report['reward_difference']:+.0f} ({low:+.0f} to {high:+.0f})"


def _between(interval: Sequence[float]) -> str:
    return f"{interval[0]:.2f} to {interval[1]:.2f}"


def _acceleration(value: float | None) -> str:
    return NONE if value is None else f"{value:.1f} rad/s²"


def _word(value: float | None) -> str:
    return NONE if value is None else f"{value:.1f}"
