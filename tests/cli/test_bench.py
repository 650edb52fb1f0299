import json

import pytest

from so_arm.cli import bench
from so_arm.cli.main import main


def test_unknown_benchmark_names_the_choices(capsys):
    assert main(["bench", "phisics"]) == 2
    assert "physics" in capsys.readouterr().err


@pytest.mark.parametrize(("passed", "code"), [(True, 0), (False, 1)])
def test_result_is_written_and_decides_the_exit_code(tmp_path, monkeypatch, passed, code):
    script = tmp_path / "toy.py"
    script.write_text(
        f'def run(quick):\n    return {{"name": "toy", "ratio": 0.5, "target": 0.4, "passed": {passed}}}\n'
    )
    monkeypatch.setattr(bench, "_load", lambda name: bench._import(script))
    assert main(["bench", "toy", "--quick", "--json", str(tmp_path / "toy.json")]) == code
    written = json.loads((tmp_path / "toy.json").read_text())
    assert {"name", "ratio", "target", "passed", "quick"} <= written.keys()
    assert written["quick"] is True
