"""Progress where no bar can be redrawn."""

from __future__ import annotations

import time

import pytest
import rich.progress  # noqa: F401  before the clock is patched, which it would keep

from so_arm.cli.progress_bar import progress_bar


def test_a_log_gets_a_line_every_minute(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with progress_bar("recording", 40, "episodes", done=4) as advance:
        for done in range(12):
            now += 25.0
            advance(1, f"episodes, {done} failed")
    lines = [line.rpartition(", left: ")[0] for line in capsys.readouterr().err.splitlines()]
    assert lines == [f"recording: {done} of 40 episodes, {done - 5} failed" for done in (7, 10, 13, 16)]
