import errno
from pathlib import Path

import pytest
from tests.data.exchange.refusals import refusal

from so_arm.core.errors import UserError
from so_arm.data.exchange.instruction import file_stem, from_file_name, tfds_name
from so_arm.data.exchange.new_folder import check_new_folder, new_folder
from so_arm.data.exchange.source_format import SourceFormat, source_format


@pytest.mark.parametrize(
    ("stem", "words"),
    [
        ("KITCHEN_SCENE1_open_the_bottom_drawer_demo", "open the bottom drawer"),
        ("LIVING_ROOM_SCENE2_pick_up_the_cup_demo", "pick up the cup"),
        ("robosuite_lift_panda_demo", "robosuite lift panda"),
        ("demo", "demo"),
    ],
)
def test_instructions_in_file_names(stem, words):
    assert from_file_name(stem) == words


def test_names_of_what_is_made():
    assert file_stem("Pick up the red cube.") == "pick_up_the_red_cube_demo"
    assert file_stem("…") == "task_demo"
    assert tfds_name("My Set-2") == "my_set_2"
    assert tfds_name("2nd") == "dataset_2nd"


def test_a_folder_appears_whole(tmp_path):
    with new_folder(tmp_path / "a" / "made") as folder:
        folder.mkdir()
        (folder / "file").write_text("x")
        assert not (tmp_path / "a" / "made").exists()
    assert (tmp_path / "a" / "made" / "file").read_text() == "x"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["made"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), UserError("no"), SystemExit(143)])
def test_nothing_is_left_of_a_folder_that_came_to_nothing(tmp_path, error):
    with pytest.raises(type(error)), new_folder(tmp_path / "made") as folder:
        folder.mkdir()
        (folder / "file").write_text("x")
        raise error
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "full"),
        RuntimeError(f"Encoder thread crashed: [Errno {errno.ENOSPC}] No space left on device"),
        OSError("Can't write data (file write failed: errno = 28, error message = 'No space left on device')"),
    ],
)
def test_a_full_disk_is_one_line(tmp_path, error):
    def fill():
        with new_folder(tmp_path / "made"):
            raise error

    assert refusal(fill) == f"cannot write {tmp_path / 'made'}: no space left on the disk"
    assert list(tmp_path.iterdir()) == []


def test_other_errors_stay_what_they_are(tmp_path):
    with pytest.raises(RuntimeError, match="bug"), new_folder(tmp_path / "made"):
        raise RuntimeError("bug")


def test_folders_that_cannot_be_made(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    assert "already holds files" in refusal(check_new_folder, tmp_path / "full")
    assert "is a file" in refusal(check_new_folder, tmp_path / "full" / "file")
    assert "takes no new files" in refusal(check_new_folder, Path("/proc/made"))


def test_formats_are_found(tmp_path):
    (tmp_path / "v21" / "meta").mkdir(parents=True)
    (tmp_path / "v21" / "meta" / "info.json").write_text('{"codebase_version": "v2.1"}')
    (tmp_path / "some" / "1.0.0").mkdir(parents=True)
    (tmp_path / "some" / "1.0.0" / "features.json").write_text("{}")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "a_demo.hdf5").write_bytes(b"")
    assert source_format(tmp_path / "v21") is SourceFormat.v21
    assert source_format(tmp_path / "some") is SourceFormat.rlds
    assert source_format(tmp_path / "files") is SourceFormat.hdf5
    assert source_format(tmp_path / "files" / "a_demo.hdf5") is SourceFormat.hdf5


@pytest.mark.parametrize(("version", "said"), [("v3.0", "already"), ("v1.6", "version v1.6; only v2.1")])
def test_other_versions_of_lerobot_are_refused(tmp_path, version, said):
    (tmp_path / "meta").mkdir()
    (tmp_path / "meta" / "info.json").write_text(f'{{"codebase_version": "{version}"}}')
    assert said in refusal(source_format, tmp_path)


def test_what_is_no_dataset_is_refused(tmp_path):
    assert "does not exist" in refusal(source_format, tmp_path / "none")
    assert "no meta/info.json" in refusal(source_format, tmp_path)
    (tmp_path / "notes.txt").write_text("x")
    assert "no HDF5 file" in refusal(source_format, tmp_path / "notes.txt")
    (tmp_path / "drive_0.mcap").touch()
    assert "is a bag; so-arm bag to-dataset" in refusal(source_format, tmp_path)
