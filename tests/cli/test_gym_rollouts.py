"""What `so-arm eval` says of a real policy directory that does not fit the simulation."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.altered_policy import policy_of_another_rate, policy_with_another_camera

from so_arm.cli import main as cli_main

pytestmark = pytest.mark.torch


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (policy_of_another_rate, " acts at 50 Hz; the control rate is 30 Hz"),
        (policy_with_another_camera, ": feature observation.images.front has no camera; cameras are static, wrist"),
    ],
)
def test_a_policy_that_does_not_fit_is_one_line_and_exit_code_2(
    make, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cli_main, "_listen_to_signals", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    policy = make(tmp_path / "policy")
    assert cli_main.main(["eval", "--policy", str(policy), "--episodes", "1", "--workers", "1"]) == 2
    error = capsys.readouterr().err
    assert f"error: policy {policy}{message}" in error.splitlines()
    assert "Traceback" not in error
