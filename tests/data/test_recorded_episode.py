import json

import numpy as np
import pytest
from tests.data.episodes import NEW_NAMES, OLD_NAMES, REAL, write_dataset

from so_arm.core.calibration import nominal_calibration
from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES
from so_arm.core.units import lerobot_from_rad, old_lerobot_from_rad
from so_arm.data.dataset_schema import Record
from so_arm.data.joint_units import JointUnits
from so_arm.data.recorded_episode import read_episode

ACTION = np.linspace([-0.5, -1.2, 0.4, 0.2, -1.0, 0.1], [0.5, 0.9, -0.6, 1.1, 0.8, 1.5], 20)
STATE = ACTION - 0.02


def dataset(root, convert, names=None):
    other = np.zeros((5, 6))
    return write_dataset(root / "set", [(convert(other), convert(other)), (convert(ACTION), convert(STATE))], names)


def refusal(*arguments):
    with pytest.raises(UserError) as caught:
        read_episode(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_old_degrees_are_known_by_their_names(tmp_path):
    episode = read_episode(dataset(tmp_path, old_lerobot_from_rad), 1)
    assert episode.units is JointUnits.old_degrees
    assert np.abs(episode.action - ACTION).max() < 1e-5
    assert np.abs(episode.state - STATE).max() < 1e-5
    assert np.allclose(episode.time_s, np.arange(20) / 30)
    assert episode.fps == 30


def test_our_own_datasets_tell_their_units(tmp_path):
    root = dataset(tmp_path, lerobot_from_rad, NEW_NAMES)
    Record().save(root)
    episode = read_episode(root, 1)
    assert episode.units is JointUnits.degrees
    assert np.abs(episode.action - ACTION).max() < 1e-5


def test_units_that_nobody_tells_are_asked_for(tmp_path):
    root = dataset(tmp_path, lerobot_from_rad, NEW_NAMES)
    said = refusal(root, 1)
    assert "--units" in said
    assert "old-degrees" in said
    assert np.abs(read_episode(root, 1, JointUnits.degrees).action - ACTION).max() < 1e-5


def test_radians_and_another_order_of_joints(tmp_path):
    order = [5, 0, 1, 2, 3, 4]
    names = {"motors": [JOINT_NAMES[i] for i in order]}
    root = dataset(tmp_path, lambda q: q[:, order], names)
    assert np.abs(read_episode(root, 1, JointUnits.radians).action - ACTION).max() < 1e-6


def test_range_needs_the_calibration(tmp_path):
    calibration = nominal_calibration()
    percent = np.tile(np.linspace(-50, 50, 20)[:, None], 6)
    percent[:, 5] += 50
    root = write_dataset(tmp_path / "set", [(percent, percent)], NEW_NAMES)
    assert "calibration" in refusal(root, 0, JointUnits.range)
    episode = read_episode(root, 0, JointUnits.range, calibration)
    assert np.allclose(episode.action[[0, -1], 0], [-0.96, 0.96], atol=0.01)  # half of pan's range


@pytest.mark.parametrize(
    ("units", "said"),
    [(JointUnits.degrees, "shoulder_lift is 1"), (JointUnits.radians, "is"), (JointUnits.range, "calibration")],
)
def test_units_that_do_not_fit_name_the_joint(tmp_path, units, said):
    folded = np.tile([0.0, 187.0, 175.0, 60.0, -3.0, 0.0], (20, 1))
    root = write_dataset(tmp_path / "set", [(folded, folded)])
    assert said in refusal(root, 0, units)


def test_radians_taken_for_degrees(tmp_path):
    root = dataset(tmp_path, lambda q: q, NEW_NAMES)
    assert "radians?" in refusal(root, 1, JointUnits.degrees)


def test_names_that_do_not_fit_are_named(tmp_path):
    root = dataset(tmp_path, lambda q: q, [f"j{i}" for i in range(6)])
    said = refusal(root, 0, JointUnits.radians)
    assert "j0" in said
    assert "shoulder_pan" in said


@pytest.mark.parametrize("names", [None, "shoulder_pan", OLD_NAMES[:5], {}])
def test_features_without_six_names(tmp_path, names):
    root = dataset(tmp_path, lambda q: q)
    info = json.loads((root / "meta" / "info.json").read_text())
    info["features"]["action"]["names"] = names
    (root / "meta" / "info.json").write_text(json.dumps(info))
    assert "action" in refusal(root, 0, JointUnits.radians)


def test_an_episode_that_is_not_there(tmp_path):
    assert "episodes 0 to 1" in refusal(dataset(tmp_path, old_lerobot_from_rad), 2)


def test_not_a_number(tmp_path):
    broken = old_lerobot_from_rad(ACTION)
    broken[3, 2] = np.nan
    root = write_dataset(tmp_path / "set", [(broken, broken)])
    assert "not finite" in refusal(root, 0)


def test_damaged_data(tmp_path):
    root = dataset(tmp_path, old_lerobot_from_rad)
    next(root.rglob("*.parquet")).write_bytes(b"PAR1 no")
    assert "cannot be read" in refusal(root, 0)


def test_not_a_dataset(tmp_path):
    assert "info.json" in refusal(tmp_path, 0)


@pytest.mark.skipif(not REAL.is_dir(), reason="the recorded data are not beside the checkout")
def test_a_real_episode():
    episode = read_episode(REAL, 0)
    assert (len(episode), episode.units) == (449, JointUnits.old_degrees)
    assert np.degrees(episode.state[0]) == pytest.approx([0.70, -97.29, 88.95, 60.91, 3.25, -9.39], abs=0.01)
    assert "shoulder_lift" in refusal(REAL, 0, JointUnits.degrees)
