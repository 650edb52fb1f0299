"""The report of a replay as tables for people."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from so_arm.analysis.replay_scores import ALL
from so_arm.core.joints import JOINT_NAMES

#: Title of a row, (group, key) in the summary of a policy, format; all joints together.
_FIGURES: list[tuple[str, str, str, str]] = [
    ("error over the chunk, mean", "chunk_error", "mae_deg", "{:.2f}°"),
    ("error over the chunk, RMS", "chunk_error", "rmse_deg", "{:.2f}°"),
    ("error of the executed step, mean", "executed_error", "mae_deg", "{:.2f}°"),
    ("jump where chunks join, mean", "jumps", "at_joins_mean_deg", "{:.2f}°"),
    ("jump where chunks join, largest", "jumps", "at_joins_max_deg", "{:.2f}°"),
    ("change per tick elsewhere", "jumps", "elsewhere_mean_deg", "{:.2f}°"),
    ("jerk, RMS", "jerk", "predicted_deg_s3", "{:.0f}°/s³"),
    ("jerk of what was recorded, RMS", "jerk", "recorded_deg_s3", "{:.0f}°/s³"),
    ("residual, mean", "residual", "mean_abs_deg", "{:.2f}°"),
    ("residual at its bound", "residual", "saturated_share", "{:.1%}"),
]
#: Rows that the comparison of two policies has: title to its name there.
_COMPARED = {
    "error over the chunk, mean": "chunk_error_mae_deg",
    "error of the executed step, mean": "executed_error_mae_deg",
    "jump where chunks join, mean": "jump_at_joins_deg",
    "jerk, RMS": "jerk_deg_s3",
}


def replay_tables(report: dict[str, Any], timing: dict[str, Any]) -> list[Table]:
    """Figures by policy, then the error by joint and by step ahead."""
    return [_figures(report, timing), _by_joint(report), _by_step(report)]


def recording_table(report: dict[str, Any], timing: dict[str, Any], places: Sequence[tuple[str, str]]) -> Table:
    """What the recording tells of itself, how long the replay took, and where the files are."""
    recorded = report["recording"]["summary"]
    rows = [
        ("recording", f"{recorded['episodes']} episodes, {recorded['seconds']:.1f} s"),
        ("return", _return(report)),
        ("success", _success(recorded["success"])),
        ("latency", _latency(recorded["latency"])),
        ("interventions", _interventions(recorded["intervention"])),
        ("replay", f"{timing['took_s']:.1f} s, {timing['times_real_time']:.1f} times real time"),
        *places,
    ]
    table = Table.grid(padding=(0, 2))
    for name, value in rows:
        table.add_row(f"[bold]{name}[/]", escape(value))
    return table


def _figures(report: dict[str, Any], timing: dict[str, Any]) -> Table:
    policies, comparison = report["policies"], report["comparison"]
    table = _table("Answers against what was done", "", policies)
    if comparison:
        table.add_column("second - first (95 % interval)", justify="right")

    def row(title: str, cells: list[str]) -> None:
        difference = (
            [_difference(comparison[_COMPARED[title]][ALL]) if title in _COMPARED else ""] if comparison else []
        )
        table.add_row(title, *cells, *difference)

    for title, group, key, form in _FIGURES:
        row(title, [_form(policy["summary"][group][key][ALL], form) for policy in policies])
    for title, share in (("ticks without a fresh chunk", "without_fresh_chunk_share"),):
        row(title, [_form(policy["summary"][share], "{:.1%}") for policy in policies])
    chunks = [timing["chunk"][policy["policy"]] for policy in policies]
    row("time of a chunk, p50 / p99", [f"{each['p50_ms']:.1f} / {each['p99_ms']:.1f} ms" for each in chunks])
    return table


def _by_joint(report: dict[str, Any]) -> Table:
    table = _table("Mean error over the chunk, by joint", "joint", report["policies"])
    for joint in JOINT_NAMES:
        errors = [policy["summary"]["chunk_error"]["mae_deg"][joint] for policy in report["policies"]]
        table.add_row(joint, *(_form(error, "{:.2f}°") for error in errors))
    return table


def _by_step(report: dict[str, Any]) -> Table:
    """The first step, the last one and some between."""
    table = _table("Mean error by step ahead", "step", report["policies"])
    curves = [policy["summary"]["error_by_step"]["mae_deg"][ALL] for policy in report["policies"]]
    longest = max(map(len, curves))
    for step in sorted({0, *range(9, longest, 10), longest - 1}):
        cells = [_form(curve[step], "{:.2f}°") if step < len(curve) else "" for curve in curves]
        table.add_row(str(step + 1), *cells)
    return table


def _table(title: str, first: str, policies: Sequence[dict[str, Any]]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column(first)
    for policy in policies:
        table.add_column(escape(policy["policy"]), justify="right")
    return table


def _difference(paired: dict[str, Any]) -> str:
    if paired["ci95"] is None:
        return f"{paired['mean']:+.3g}"
    low, high = paired["ci95"]
    return f"{paired['mean']:+.3g} ({low:+.3g} to {high:+.3g})"


def _form(value: float, form: str) -> str:
    return "" if value != value else form.format(value)


def _return(report: dict[str, Any]) -> str:
    mean = report["recording"]["summary"]["mean_return"]
    rewards = [episode["reward"] for episode in report["recording"]["episodes"]]
    return rewards[0]["reason"] if mean is None else f"{mean:.1f} per episode ({rewards[0]['source']})"


def _success(agreement: dict[str, Any]) -> str:
    if agreement["accuracy"] is None:
        labelled = (
            f"{agreement['labelled_successes']} of {agreement['labelled']} labelled; " if agreement["labelled"] else ""
        )
        return f"{labelled}not compared: {agreement['reason']}"
    agreed = agreement["both_success"] + agreement["both_failure"]
    return (
        f"{agreement['labelled_successes']} of {agreement['labelled']} labelled; the reward source agrees in "
        f"{agreed} of {agreement['compared']} ({agreement['accuracy']:.0%})"
    )


def _latency(latency: dict[str, Any] | None) -> str:
    if latency is None:
        return "the recording holds none"
    return (
        f"p50 {latency['p50_ms']:.1f}, p99 {latency['p99_ms']:.1f}, max {latency['max_ms']:.1f} ms; period "
        f"{latency['period_ms']:.1f} ms, {latency['over_period_share']:.1%} of the commands later"
    )


def _interventions(intervention: dict[str, Any] | None) -> str:
    if intervention is None:
        return "the recording does not tell"
    return f"{intervention['share']:.1%} of the time, {intervention['takeovers']} takeovers"
