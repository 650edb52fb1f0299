"""The progress line of `so-arm rl-train`, as a terminal of 80 columns shows it."""

from __future__ import annotations

import io

import pytest

from so_arm.cli.rl_progress import training_progress

pytestmark = pytest.mark.torch


def _line(**changes: object) -> str:
    """The last state of the line."""
    from rich.console import Console

    from so_arm.learning.residual.run_folder import Report

    values = {"phase": "exploration", "step": 0, "updates": 0, "episodes": 0, "success": None, "best_success": None}
    report = Report(**(values | {"progress": 0.0, "remaining_s": None} | changes))  # type: ignore[arg-type]
    shown = io.StringIO()
    with training_progress(Console(width=80, file=shown)) as show:
        show(report)
    (line,) = shown.getvalue().splitlines()
    return line


def test_the_longest_line_is_whole_in_80_columns() -> None:
    rates = {"success": 1.0, "judged_success": 0.985, "best_success": 1.0}
    line = _line(phase="exploration", step=1_000_000, progress=1.0, remaining_s=36_000.0, **rates)
    assert len(line) <= 80
    assert line.count("━") >= 10
    words = " ".join(line.split("━")[-1].split())
    assert words == "100% step 1000000 success 100%, eval 98%, best 100% left: 600 min"


def test_what_is_not_known_yet_is_left_out() -> None:
    assert _line().split("━")[-1].split() == ["0%", "step", "0", "left:", "?"]
    assert "success 25% " in _line(success=0.25)
    assert " best 98% " in _line(best_success=0.98, judged_success=0.98)
    assert " eval 80%, best 98% " in _line(best_success=0.98, judged_success=0.8)


def test_before_exploration_it_counts_episodes() -> None:
    assert "episode 348 of 600 before learning" in _line(phase="disturbed", episodes=348, before=600)


def test_the_preparation_is_named() -> None:
    line = _line(phase="preparing", progress=0.4, success=0.5)
    assert line.startswith("preparing ") and " 40% estimator and networks " in line


def test_a_log_gets_a_line_every_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    import time
    from itertools import count

    from rich.console import Console

    from so_arm.learning.residual.run_folder import Report

    clock = count(0.0, 25.0)
    monkeypatch.setattr(time, "monotonic", lambda: next(clock))
    shown = io.StringIO()
    with training_progress(Console(width=80, file=shown)) as show:
        for step in range(8):
            show(Report("exploration", step, 0, 0, 0.5, None, 0.1, 120.0))
        lines = [line for line in shown.getvalue().splitlines() if line.startswith("exploration, step")]
    assert lines and lines[0].endswith("success 50%, left: 2 min") and len(lines) < 8
