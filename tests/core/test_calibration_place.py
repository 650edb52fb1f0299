from pathlib import Path

import pytest

from so_arm.core.calibration_place import FOLLOWER, LEADER, calibration_folder, find_calibration, new_calibration
from so_arm.core.errors import UserError


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HF_LEROBOT_CALIBRATION", str(tmp_path))
    return tmp_path


def test_folder_as_lerobot_has_it() -> None:
    assert calibration_folder({"HF_LEROBOT_CALIBRATION": "/a", "HF_LEROBOT_HOME": "/b"}) == Path("/a")
    assert calibration_folder({"HF_LEROBOT_HOME": "/b"}) == Path("/b/calibration")
    assert calibration_folder({"HF_HOME": "/c"}) == Path("/c/lerobot/calibration")
    assert calibration_folder({}) == Path.home() / ".cache/huggingface/lerobot/calibration"


def test_a_file_that_is_given_is_taken(folder: Path) -> None:
    assert find_calibration("some/file.json", "blue", FOLLOWER) == Path("some/file.json")


@pytest.mark.parametrize(
    ("role", "kind"),
    [
        (FOLLOWER, "robots/so_follower"),
        (FOLLOWER, "robots/so101_follower"),
        (LEADER, "teleoperators/so100_leader"),
    ],
)
def test_found_by_robot_id(folder: Path, role: str, kind: str) -> None:
    place = folder / kind / "blue.json"
    place.parent.mkdir(parents=True)
    place.write_text("{}")
    assert find_calibration("", "blue", role) == place


def test_not_found_names_the_places(folder: Path) -> None:
    with pytest.raises(UserError) as caught:
        find_calibration("", "blue", LEADER)
    for kind in ("so_leader", "so100_leader", "so101_leader"):
        assert str(folder / "teleoperators" / kind / "blue.json") in str(caught.value)


def test_neither_file_nor_id(folder: Path) -> None:
    with pytest.raises(UserError, match="give calibration_file"):
        find_calibration("", "", FOLLOWER)


@pytest.mark.parametrize("robot_id", ["../x", "a/b", "..", "."])
def test_a_path_is_no_id(folder: Path, robot_id: str) -> None:
    for look in (find_calibration, lambda _, *given: new_calibration(*given)):
        with pytest.raises(UserError, match="is not a plain name"):
            look("", robot_id, FOLLOWER)
