from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.hardware.setup.hand import fit_servos

from so_arm.cli import main as cli_main
from so_arm.core.calibration import nominal_calibration
from so_arm.core.calibration_formats import lerobot_text
from so_arm.hardware.feetech.emulator import Emulator
from so_arm.hardware.setup import arm_check, bus_health
from so_arm.hardware.setup.findings import ok


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(fit_servos(nominal_calibration()), wire_time=False) as emulator:
        yield emulator


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, emulator: Emulator):
    monkeypatch.setattr(cli_main, "_listen_to_signals", lambda *_: None)
    monkeypatch.setattr(arm_check, "PATIENCE_S", 0.2)
    # How fast this machine is now says nothing here.
    monkeypatch.setattr(bus_health, "judged", lambda health: ok("bus", f"{health.reads} reads"))
    monkeypatch.chdir(tmp_path)
    Path("arm.json").write_text(lerobot_text(nominal_calibration()))
    Path("other.json").write_text(lerobot_text(nominal_calibration({"gripper": 99})))
    return lambda *words: cli_main.main(["check", "--port", str(emulator.path), "--reads", "10", *words])


def test_go(check, capsys):
    assert check("--calibration", "arm.json") == 0
    shown = capsys.readouterr().out
    assert shown.endswith("\nGO\n") and "compare with the arm: 0° is the middle" in shown
    assert max(map(len, shown.splitlines())) <= 80


def test_no_go_has_its_reasons_below_and_exit_code_1(check, emulator: Emulator, capsys):
    assert check("--calibration", "other.json") == 1
    last = capsys.readouterr().out.splitlines()[-2:]
    assert last[0] == "NO GO"
    assert last[1].startswith("  calibration: gripper holds offset 0, range ")
    assert last[1].endswith(f"so-arm calibrate --port {emulator.path} --output other.json --force")


def test_json_has_the_table_and_the_figures(check, capsys):
    assert check("-c", "arm.json", "--role", "leader", "--json", "-") == 0
    captured = capsys.readouterr()
    data = json.loads(captured.out)
    assert data["go"] is True and data["role"] == "leader"
    assert data["findings"][0] == {"check": "port", "verdict": "ok", "found": f"{data['port']} opens", "cure": ""}
    assert [joint["name"] for joint in data["pose"]][:2] == ["shoulder_pan", "shoulder_lift"]
    assert data["servos"][5]["id"] == 6 and data["servos"][5]["stored"]["homing_offset"] == 0
    assert data["health"]["reads"] == 10
    assert "GO" in captured.err


def test_a_missing_port_is_a_no_go_and_a_bad_command_line_is_not(check, capsys):
    assert cli_main.main(["check", "--port", "/nowhere", "-c", "arm.json"]) == 1
    assert "port: /nowhere does not exist" in capsys.readouterr().out
    assert check("--calibration", "missing.json") == 2
    assert check("--reads", "0") == 2
