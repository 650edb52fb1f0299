"""Progress where no bar can be redrawn."""

from __future__ import annotations

import time

import pytest

from so_arm.cli.progress_bar import progress_bar


def test_a_log_gets_a_line_every_minute(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    now = 0.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with progress_bar("recording", 40, "episodes", done=4) as advance:
        for done in range(12):
            now += 25.0
            advance(1, f"episodes, {done} failed")
    assert capsys.readouterr().err.splitlines() == [
        "recording: 7 of 40 episodes, 2 failed, left: 14 min",
        "recording: 10 of 40 episodes, 5 failed, left: 12 min",
        "recording: 13 of 40 episodes, 8 failed, left: 11 min",
        "recording: 16 of 40 episodes, 11 failed, left: 10 min",
    ]
