"""The report of a replay in words: rows of a title and a cell per policy, for console and page alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from so_arm.analysis.replay_scores import ALL
from so_arm.core.counted import counted
from so_arm.core.joints import JOINT_NAMES

Row = tuple[str, list[str]]

#: Title of a row, (group, key) in the summary of a policy, format; all joints together.
_FIGURES: list[tuple[str, str, str, str]] = [
    ("error over the chunk, mean", "chunk_error", "mae_deg", "{:.2f}°"),
    ("error over the chunk, RMS", "chunk_error", "rmse_deg", "{:.2f}°"),
    ("error of the executed step, mean", "executed_error", "mae_deg", "{:.2f}°"),
    ("jump where chunks join, mean", "jumps", "at_joins_mean_deg", "{:.2f}°"),
    ("jump where chunks join, largest", "jumps", "at_joins_max_deg", "{:.2f}°"),
    ("change per tick elsewhere, mean", "jumps", "elsewhere_mean_deg", "{:.2f}°"),
    ("jerk, RMS", "jerk", "predicted_deg_s3", "{:.0f}°/s³"),
    ("jerk of what was recorded, RMS", "jerk", "recorded_deg_s3", "{:.0f}°/s³"),
    ("residual, mean size", "residual", "mean_abs_deg", "{:.2f}°"),
    ("residual at its bound", "residual", "saturated_share", "{:.1%}"),
]
#: Rows that the comparison of two policies has: title to its name there.
_COMPARED = {
    "error over the chunk, mean": "chunk_error_mae_deg",
    "error of the executed step, mean": "executed_error_mae_deg",
    "jump where chunks join, mean": "jump_at_joins_deg",
    "jerk, RMS": "jerk_deg_s3",
}
DIFFERENCE = "second - first, 95 % interval"


def figure_rows(report: Mapping[str, Any], timing: Mapping[str, Any]) -> list[Row]:
    """All joints together; with two policies a last cell has their difference, where they are compared."""
    policies, comparison = report["policies"], report["comparison"]
    rows = [
        (title, [_form(policy["summary"][group][key][ALL], form) for policy in policies])
        for title, group, key, form in _FIGURES
    ]
    fresh = [f"{policy['summary']['without_fresh_chunk_share']:.1%}" for policy in policies]
    chunks = [timing["chunk"][policy["policy"]] for policy in policies]
    rows += [
        ("ticks without a fresh chunk", fresh),
        ("time of a chunk, p50 / p99", [f"{each['p50_ms']:.1f} / {each['p99_ms']:.1f} ms" for each in chunks]),
    ]
    if comparison is not None:
        forms = {title: form for title, _, _, form in _FIGURES}
        for title, cells in rows:
            name = _COMPARED.get(title)
            cells.append("" if name is None else _difference(comparison[name][ALL], forms[title]))
    return rows


def joint_rows(report: Mapping[str, Any]) -> list[Row]:
    """Mean error over the chunk, by joint."""
    summaries = [policy["summary"]["chunk_error"]["mae_deg"] for policy in report["policies"]]
    return [(joint, [_form(errors[joint], "{:.2f}°") for errors in summaries]) for joint in JOINT_NAMES]


def step_rows(report: Mapping[str, Any]) -> list[Row]:
    """Mean error by step ahead, 0 is the tick of the observation: the first step, the last one and some between."""
    curves = [policy["summary"]["error_by_step"]["mae_deg"][ALL] for policy in report["policies"]]
    longest = max(map(len, curves))
    return [
        (str(step), [_form(curve[step], "{:.2f}°") if step < len(curve) else "" for curve in curves])
        for step in sorted({*range(0, longest, 10), longest - 1})
    ]


def recording_rows(report: Mapping[str, Any], timing: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What the recording tells of itself, and how long the replay took."""
    recorded = report["recording"]["summary"]
    return [
        ("recording", f"{recorded['episodes']} episodes, {recorded['ticks']} ticks, {recorded['seconds']:.1f} s"),
        ("return", _return(report)),
        ("success", _success(recorded["success"])),
        ("latency", _latency(recorded["latency"])),
        ("interventions", _interventions(recorded["intervention"])),
        ("replay", f"{timing['took_s']:.1f} s, {timing['times_real_time']:.1f} times real time"),
    ]


def _difference(paired: Mapping[str, Any], form: str) -> str:
    signed = form.replace("{:", "{:+")
    if paired["ci95"] is None:
        return _form(paired["mean"], signed)
    low, high = (signed.format(bound) for bound in paired["ci95"])
    return f"{signed.format(paired['mean'])} ({low} to {high})"


def _form(value: float, form: str) -> str:
    """Nothing for a figure of nothing, which is NaN."""
    return "" if value != value else form.format(value)


def _return(report: Mapping[str, Any]) -> str:
    mean = report["recording"]["summary"]["mean_return"]
    rewards: Sequence[Mapping[str, Any]] = [episode["reward"] for episode in report["recording"]["episodes"]]
    return str(rewards[0]["reason"]) if mean is None else f"{mean:.1f} per episode ({rewards[0]['source']})"


def _success(agreement: Mapping[str, Any]) -> str:
    labelled = f"{agreement['labelled_successes']} of {agreement['labelled']} labelled; "
    if agreement["accuracy"] is None:
        return f"{labelled if agreement['labelled'] else ''}not compared: {agreement['reason']}"
    agreed = agreement["both_success"] + agreement["both_failure"]
    return f"{labelled}the reward source agrees in {agreed} of {agreement['compared']} ({agreement['accuracy']:.0%})"


def _latency(latency: Mapping[str, Any] | None) -> str:
    if latency is None:
        return "the recording holds none"
    return (
        f"p50 {latency['p50_ms']:.1f}, p99 {latency['p99_ms']:.1f}, max {latency['max_ms']:.1f} ms; period "
        f"{latency['period_ms']:.1f} ms, {latency['over_period_share']:.1%} of the commands later"
    )


def _interventions(intervention: Mapping[str, Any] | None) -> str:
    if intervention is None:
        return "the recording does not tell"
    taken = counted(intervention["takeovers"], "takeover")
    return f"a person in control {intervention['share']:.1%} of the time, {taken} in mid-episode"
