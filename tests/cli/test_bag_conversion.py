"""``so-arm bag to-dataset`` and ``so-arm dataset to-bag``: there and back the rows are the same."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import numpy as np
import pytest
from tests.data.conversion.arm_bags import REWARDS, START_NS, STATES, episode, tick_ns, write
from tests.data.episodes import write_dataset

from so_arm.cli import bag_conversion
from so_arm.cli.main import main
from so_arm.core.joints import JOINT_NAMES
from so_arm.core.units import lerobot_from_rad
from so_arm.data.conversion.bag_recording import BagRecording
from so_arm.data.dataset_schema import Record
from so_arm.data.recordings.dataset_recording import DatasetRecording
from so_arm.data.recordings.recording import RecordedFrames, Recording

CAMERAS, SIZE = ("static", "wrist"), (64, 64)
SECOND_NS = 10**9
#: A float32 of LeRobot's degrees, in radians.
ROUNDING_RAD = 1e-5


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("conversion")


@pytest.fixture(scope="module")
def bag(place: Path) -> Path:
    """Three episodes: whole, failed, and one whose camera stops."""
    stops = episode(30, START_NS + 40 * SECOND_NS, CAMERAS, size=SIZE)
    stops = [
        m for m in stops if m.topic != "wrist_camera/image_raw" or m.log_ns < tick_ns(10, START_NS + 40 * SECOND_NS)
    ]
    failed = episode(9, START_NS + 20 * SECOND_NS, CAMERAS, outcome="failure", size=SIZE)
    return write(place / "bag", [*episode(12, cameras=CAMERAS, size=SIZE), *failed, *stops])


@pytest.fixture(scope="module")
def dataset(bag: Path, place: Path) -> Path:
    assert main(["bag", "to-dataset", str(bag), "-o", str(place / "set"), "--json", str(place / "set.json")]) == 0
    return place / "set"


@pytest.fixture(scope="module")
def second_bag(dataset: Path, place: Path) -> Path:
    assert main(["dataset", "to-bag", str(dataset), "-o", str(place / "bag2"), "--json", str(place / "bag2.json")]) == 0
    return place / "bag2"


def same(ours: RecordedFrames, theirs: RecordedFrames, rounding_rad: float) -> None:
    for name in ("state", "action"):
        np.testing.assert_allclose(getattr(theirs, name), getattr(ours, name), rtol=0, atol=rounding_rad)
    np.testing.assert_allclose(theirs.reward, ours.reward, rtol=1e-6)
    assert np.array_equal(theirs.intervention, ours.intervention)


def differences(ours: Recording, theirs: Recording) -> list[float]:
    """Mean difference of the images of every row."""
    assert len(ours) == len(theirs)
    found = []
    for index in range(len(ours)):
        one, other = ours.episode(index), theirs.episode(index)
        for tick in range(len(one)):
            seen = other.images(tick)
            found += [
                float(np.abs(image.astype(float) - seen[name]).mean()) for name, image in one.images(tick).items()
            ]
    return found


@pytest.mark.torch
def test_a_dataset_has_the_rows_of_its_bag(bag: Path, dataset: Path, place: Path) -> None:
    ours, theirs = BagRecording(bag, 30), DatasetRecording(dataset)
    assert [len(theirs.episode(index)) for index in range(len(theirs))] == [12, 9, 13]
    for index in range(len(ours)):
        same(ours.episode(index), theirs.episode(index), ROUNDING_RAD)
    assert [theirs.episode(index).success for index in range(3)] == [True, False, None], (
        "nobody judged all of a cut one"
    )
    assert theirs.episode(0).task == "Reach the target point."
    assert max(differences(ours, theirs)) < 2.0, "but for what video loses"

    report = json.loads((place / "set.json").read_text())
    assert (report["episodes"], report["rows"], report["cameras"]) == (3, 34, ["static", "wrist"])
    fates = report["fates"]
    assert [fate["result"][:5] for fate in fates] == ["saved", "saved", "cut: "]
    assert "wrist_camera/image_raw" in fates[2]["result"]
    assert fates[2]["streams"]["wrist_camera/image_raw"]["missing"] == 1
    assert fates[0]["streams"][STATES]["used"] == 12


@pytest.mark.torch
def test_a_bag_has_the_rows_of_its_dataset(dataset: Path, second_bag: Path, place: Path) -> None:
    ours, theirs = DatasetRecording(dataset), BagRecording(second_bag, 30)
    for index in range(len(ours)):
        same(ours.episode(index), theirs.episode(index), 0.0)
        assert theirs.episode(index).success == ours.episode(index).success
    assert max(differences(ours, theirs)) == 0.0
    report = json.loads((place / "bag2.json").read_text())
    assert [each["frames"] for each in report["episodes"]] == [12, 9, 13]


@pytest.mark.torch
def test_there_and_back_the_rows_are_the_same(dataset: Path, second_bag: Path, place: Path) -> None:
    assert main(["bag", "to-dataset", str(second_bag), "-o", str(place / "set2")]) == 0
    ours, theirs = DatasetRecording(dataset), DatasetRecording(place / "set2")
    for index in range(len(ours)):
        same(ours.episode(index), theirs.episode(index), 1e-7)
        assert theirs.episode(index).success == ours.episode(index).success


@pytest.mark.torch
def test_after_ctrl_c_the_finished_episodes_are_there(
    bag: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(fate: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(bag_conversion, "_oddities", interrupt)
    assert main(["bag", "to-dataset", str(bag), "-o", str(tmp_path / "set")]) == 130
    assert "holds the 1 episode that were finished" in capsys.readouterr().out.replace("\n", " ")
    assert [len(DatasetRecording(tmp_path / "set").episode(0))] == [12]


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    """The line that a refused command says."""
    capsys.readouterr()
    assert main([str(word) for word in words]) == 2
    said = capsys.readouterr().err.strip().splitlines()
    assert len([line for line in said if line.startswith("error: ")]) == 1, said
    return said[-1]


def test_bags_that_cannot_become_a_dataset(tmp_path: Path, bag: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*words: object) -> str:
        return refused(capsys, "bag", "to-dataset", *words, "-o", tmp_path / "set")

    assert "holds no message" in said(write(tmp_path / "empty", []))
    lacking = write(tmp_path / "lacking", [m for m in episode(4) if m.topic in (STATES, REWARDS)])
    assert "lacks /follower/joint_commands" in said(lacking)
    assert "lacks /side_camera/image_raw" in said(bag, "--cameras", "static,side")
    assert "is not a bag" in said(tmp_path)
    assert "does not exist" in said(tmp_path / "nowhere")
    assert not (tmp_path / "set").exists()
    assert "/proc/set: cannot write to /proc" in refused(capsys, "bag", "to-dataset", bag, "-o", "/proc/set")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "file").write_text("mine")
    assert "already holds files" in said(bag)


@pytest.mark.torch
def test_a_bag_without_a_fit_episode_leaves_no_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    short = write(tmp_path / "bag", episode(1))
    said = refused(capsys, "bag", "to-dataset", short, "-o", tmp_path / "set")
    assert "no episode is fit for a dataset: e-5000000000 refused: " in said
    assert not (tmp_path / "set").exists()


@pytest.mark.torch
def test_a_full_disk_keeps_the_finished_episodes(
    bag: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from so_arm.data import dataset_video
    from so_arm.data.dataset_check import check

    opening, opened = dataset_video.av.open, []

    def full(*words: object, **more: object) -> object:
        if more.get("mode") == "w" or "w" in words[1:]:
            opened.append(words)
            if len(opened) > len(CAMERAS):  # those of the first episode
                raise OSError(errno.ENOSPC, "No space left on device")
        return opening(*words, **more)

    with monkeypatch.context() as patch:
        patch.setattr(dataset_video.av, "open", full)
        said = refused(capsys, "bag", "to-dataset", bag, "-o", tmp_path / "set")
    assert said == f"error: cannot write {tmp_path / 'set'}: no space left on the disk"
    found = check(tmp_path / "set")
    assert (found.episodes, found.frames, found.problems, found.notes) == (1, 12, [], [])


@pytest.mark.torch
def test_an_image_size_that_changes_cuts_the_episode(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    small, wide = (episode(9, size=size) for size in ((32, 48), (32, 64)))
    changing = [one if one.stamp_ns < tick_ns(6) else other for one, other in zip(small, wide, strict=True)]
    whole = episode(7, 20 * SECOND_NS, size=(32, 48))
    bag = write(tmp_path / "bag", [*changing, *whole])
    assert main(["bag", "to-dataset", str(bag), "-o", str(tmp_path / "set")]) == 0
    assert "cut: static_camera/image_raw: the image size changed from 48x32 px to 64x32 px" in capsys.readouterr().out
    found = DatasetRecording(tmp_path / "set")
    assert [len(found.episode(index)) for index in range(len(found))] == [6, 7]


@pytest.mark.torch
def test_a_bag_without_cameras_gives_joints_only(tmp_path: Path) -> None:
    bag = write(tmp_path / "bag", episode(8, cameras=()))
    assert main(["bag", "to-dataset", str(bag), "-o", str(tmp_path / "set")]) == 0
    found = DatasetRecording(tmp_path / "set")
    assert (found.cameras, len(found.episode(0))) == ((), 8)


def test_datasets_that_cannot_become_a_bag(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    action = lerobot_from_rad(np.linspace(np.full(6, 0.05), np.full(6, 0.9), 20))
    names = [f"{name}.pos" for name in JOINT_NAMES]

    def said(root: Path, *words: str) -> str:
        return refused(capsys, "dataset", "to-bag", root, "-o", tmp_path / "bag", *words)

    assert "--units" in said(write_dataset(tmp_path / "untold", [(action, action)], names))
    others = write_dataset(tmp_path / "others", [(action, action)], [f"j{i}" for i in range(6)])
    assert "j0" in said(others, "--units", "radians")
    radians = write_dataset(tmp_path / "radians", [(action / 60, action / 60)], names)
    Record().save(radians)
    assert "radians?" in said(radians)
    whole = write_dataset(tmp_path / "whole", [(action, action)], names)
    assert "there is no episode 3" in said(whole, "--units", "degrees", "--episodes", "0,3")
    assert "not a LeRobot dataset" in said(tmp_path)
    assert not (tmp_path / "bag").exists()
    assert "cannot write" in refused(capsys, "dataset", "to-bag", whole, "--units", "degrees", "-o", "/proc/bag")
