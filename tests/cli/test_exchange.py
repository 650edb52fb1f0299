"""so-arm import, export and view as a user types them."""

import json
import subprocess

import pytest
from tests.data.exchange.datasets import LENGTHS, make_dataset
from tests.shared_files import SHARED

from so_arm.cli.main import EXIT_USER_ERROR, main

LIFT = SHARED / "data" / "hdf5" / "robosuite_lift_panda_demo.hdf5"


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return make_dataset(tmp_path_factory.mktemp("exchange_cli") / "set")


def refused(capsys, *arguments):
    """The one line that ends a command with exit code 2."""
    assert main([str(argument) for argument in arguments]) == EXIT_USER_ERROR
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    return lines[0]


@pytest.mark.torch
@pytest.mark.parametrize("to", ["hdf5", "rlds"])
def test_there_and_back(dataset, tmp_path, capsys, to):
    there, back = tmp_path / "there", tmp_path / "back"
    edits = ["--fps", "10", "--drop-no-ops", "--rotate-images"]
    assert main(["export", str(dataset), "--to", to, "-o", str(there), *edits, "--json", str(tmp_path / "1.json")]) == 0
    assert main(["import", str(there), "-o", str(back), "--json", str(tmp_path / "2.json")]) == 0
    said = capsys.readouterr().out
    assert f"15 of {sum(LENGTHS)} frames at 10 fps" in said
    assert "will refuse" not in said  # it is this arm's
    exported, imported = (json.loads((tmp_path / f"{number}.json").read_text()) for number in (1, 2))
    assert imported["format"] == to
    for key in ("episodes", "frames", "fps", "robot_type", "units", "features"):
        assert imported[key] == exported[key]
    assert main(["import", str(there), "-o", str(back)]) == EXIT_USER_ERROR
    assert "already holds files" in capsys.readouterr().err


@pytest.mark.torch
@pytest.mark.skipif(not LIFT.is_file(), reason="the recorded data are not beside the checkout")
def test_another_robot_is_imported_and_told(tmp_path, capsys):
    from lerobot.datasets import LeRobotDataset

    assert main(["import", str(LIFT), "-o", str(tmp_path / "lift"), "--instruction", "Lift the cube."]) == 0
    said = capsys.readouterr().out
    assert "412 frames at 20 fps, robot panda" in said
    assert "`so-arm train` will refuse this dataset" in said
    loaded = LeRobotDataset("local/lift", root=tmp_path / "lift")
    assert (len(loaded), loaded.meta.robot_type, loaded[411]["task"]) == (412, "panda", "Lift the cube.")
    assert tuple(loaded[0]["observation.state"].shape) == (32,)


def test_refusals_of_import(tmp_path, capsys):
    (tmp_path / "text.hdf5").write_text("no")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    out = tmp_path / "out"
    assert "does not exist" in refused(capsys, "import", tmp_path / "none", "-o", out)
    assert "no dataset that can be imported" in refused(capsys, "import", tmp_path / "full", "-o", out)
    assert "no HDF5 file" in refused(capsys, "import", tmp_path / "text.hdf5", "-o", out)
    assert "no features.json" in refused(capsys, "import", tmp_path / "full", "--from", "rlds", "-o", out)
    assert "v2.1" in refused(capsys, "import", tmp_path / "full", "--from", "zarr", "-o", out)
    assert "already holds files" in refused(capsys, "import", tmp_path / "text.hdf5", "-o", tmp_path / "full")
    assert "cannot write" in refused(capsys, "import", tmp_path / "text.hdf5", "-o", "/proc/out")
    assert not out.exists()


def test_refusals_of_export(tmp_path, capsys):
    assert "meta/info.json" in refused(capsys, "export", tmp_path, "--to", "rlds", "-o", tmp_path / "out")
    assert "hdf5" in refused(capsys, "export", tmp_path, "--to", "zarr", "-o", tmp_path / "out")


@pytest.mark.torch
def test_rates_and_options_that_do_not_fit(dataset, tmp_path, capsys):
    said = refused(capsys, "export", dataset, "--to", "hdf5", "--fps", "7", "-o", tmp_path / "out")
    assert "1, 2, 4, 5, 10, 20" in said
    assert not (tmp_path / "out").exists()


@pytest.mark.torch
def test_view_writes_a_file_or_opens_the_viewer_silently(dataset, tmp_path, capsys, monkeypatch):
    target = tmp_path / "episode.rrd"
    assert main(["view", str(dataset), "--episode", "1", "--save", str(target)]) == 0
    assert "episode.rrd" in capsys.readouterr().out
    assert target.stat().st_size > 1000
    assert "exists already" in refused(capsys, "view", dataset, "--save", target)
    assert "there is no episode 3" in refused(capsys, "view", dataset, "--episode", "3", "--save", tmp_path / "b.rrd")
    monkeypatch.setenv("DISPLAY", ":0")
    monkeypatch.setenv("FORCE_RERUN_ANALYTICS", "1")
    calls = []

    def run(command, env):
        calls.append((command, env))
        return subprocess.CompletedProcess(command, len(calls) - 1)

    monkeypatch.setattr("so_arm.cli.view.subprocess.run", run)
    assert main(["view", str(dataset)]) == 0
    command, env = calls[0]
    assert command[1:3] == ["-m", "rerun"]
    assert command[command.index("--bind") + 1] == "127.0.0.1"
    assert "--hide-welcome-screen" in command
    assert env["CI"] == "1"
    assert "FORCE_RERUN_ANALYTICS" not in env
    assert "ended with code 1" in refused(capsys, "view", dataset)
    assert main(["view", str(target)]) == EXIT_USER_ERROR  # a file is opened as it is
    assert calls[2][0][3] == str(target)


def test_refusals_of_view(tmp_path, capsys, monkeypatch):
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    assert "no display" in refused(capsys, "view", tmp_path)
    assert "must end in .rrd" in refused(capsys, "view", tmp_path, "--save", tmp_path / "a.txt")
    assert "does not exist" in refused(capsys, "view", tmp_path / "none", "--save", tmp_path / "a.rrd")
    assert "is not a bag" in refused(capsys, "view", tmp_path, "--save", tmp_path / "a.rrd")
    assert "a bag is shown whole" in refused(capsys, "view", tmp_path, "--episode", "1", "--save", tmp_path / "a.rrd")
    assert "cannot write" in refused(capsys, "view", tmp_path, "--save", "/proc/a.rrd")
    assert list(tmp_path.iterdir()) == []
