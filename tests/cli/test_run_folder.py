"""A run that came to nothing leaves no folder; one that has something to show is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from so_arm.cli.run_folder import run_folder
from so_arm.core.errors import UserError


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def _run(output: Path | None, files: list[str], end: BaseException | None) -> None:
    with run_folder(output, "eval", {}) as folder:
        for name in files:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text("")
        if end is not None:
            raise end


def test_a_run_that_ends_well_keeps_its_folder(here: Path):
    _run(Path("run"), [], None)
    assert [path.name for path in (here / "run").iterdir()] == ["config.json"]


@pytest.mark.parametrize("output", [None, Path("run"), Path("new/run")])
@pytest.mark.parametrize("end", [UserError("no"), KeyboardInterrupt(), SystemExit(143)])
def test_nothing_is_left_of_a_run_without_results(here: Path, output: Path | None, end: BaseException):
    with pytest.raises(type(end)):
        _run(output, [], end)
    assert list(here.iterdir()) == []


def test_an_older_folder_stays_empty_as_it_was(here: Path):
    (here / "run").mkdir()
    with pytest.raises(UserError):
        _run(Path("run"), [], UserError("no"))
    assert list((here / "run").iterdir()) == []


def test_what_the_nodes_said_is_kept_after_a_failure_only(here: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(UserError):
        _run(Path("failed"), ["graph.log"], UserError("no"))
    with pytest.raises(KeyboardInterrupt):
        _run(Path("stopped"), ["graph.log"], KeyboardInterrupt())
    assert [path.name for path in here.iterdir()] == ["failed"]
    assert capsys.readouterr().err == ""


def test_an_interrupted_run_with_episodes_is_named(here: Path, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(KeyboardInterrupt):
        _run(None, ["graph.log", "episodes/episode_1.npz"], KeyboardInterrupt())
    (folder,) = Path("runs").iterdir()
    assert capsys.readouterr().err == f"what there is so far: {folder}\n"
