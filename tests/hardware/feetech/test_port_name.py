"""One emulator at a time has the name of an emulated port, and nobody's link is taken away."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from so_arm.core.errors import UserError
from so_arm.hardware.feetech.emulator import Emulator
from so_arm.hardware.feetech.port_name import PortName


def test_a_second_emulator_is_refused_and_the_first_keeps_its_port(tmp_path: Path):
    path = tmp_path / "port"
    with Emulator(path=path, wire_time=False):
        terminal = path.readlink()
        with pytest.raises(UserError, match=f"{path} is in use by another emulator"):
            Emulator(path=path).start()
        assert path.readlink() == terminal
    assert list(tmp_path.iterdir()) == []


def test_the_name_stays_taken_while_the_port_is_unplugged(tmp_path: Path):
    name = PortName(tmp_path / "port")
    name.claim()
    name.show("/dev/pts/7")
    name.hide()
    with pytest.raises(UserError, match="in use by another emulator"):
        PortName(tmp_path / "port").claim()
    name.release()
    PortName(tmp_path / "port").claim()


def test_the_link_of_a_dead_emulator_is_taken_over(tmp_path: Path):
    path, other = tmp_path / "port", tmp_path / "terminal of somebody else by now"
    path.symlink_to("/dev/pts/none")
    with Emulator(path=path, wire_time=False):
        assert path.exists()
    other.touch()
    path.symlink_to(other)
    (tmp_path / ".port.lock").touch()  # what stays of one that was killed
    with Emulator(path=path, wire_time=False):
        assert path.readlink() != other
    assert list(tmp_path.iterdir()) == [other]


def test_a_link_that_is_no_emulators_stays(tmp_path: Path):
    path, arm = tmp_path / "so_arm_follower", tmp_path / "ttyACM0"
    arm.touch()
    path.symlink_to(arm)
    with pytest.raises(UserError, match=f"{path} exists; choose another place"):
        Emulator(path=path).start()
    assert path.readlink() == arm
    assert sorted(tmp_path.iterdir()) == [path, arm]


def test_a_folder_stays(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path, Path()):
        with pytest.raises(UserError, match="exists; choose another place"):
            Emulator(path=path).start()
    assert list(tmp_path.iterdir()) == []


def test_only_its_own_link_is_taken_away_at_the_end(tmp_path: Path):
    path = tmp_path / "port"
    with Emulator(path=path, wire_time=False):
        path.unlink()
        path.symlink_to("/dev/null")
    assert path.readlink() == Path("/dev/null")


def test_a_folder_that_takes_no_link_is_one_line():
    with pytest.raises(UserError, match="cannot write /proc/port: "):
        Emulator(path=Path("/proc/port")).start()
    assert not os.path.lexists("/proc/port")
