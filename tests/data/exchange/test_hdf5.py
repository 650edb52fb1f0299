import json
from dataclasses import replace

import h5py
import numpy as np
import pytest
from tests.data.exchange.datasets import JOINTS, LAYOUT, assert_same_numbers, make_episode
from tests.data.exchange.refusals import refusal
from tests.shared_files import SHARED

from so_arm.data.exchange.delta_names import DELTA_NAMES
from so_arm.data.exchange.hdf5_file import new_hdf5
from so_arm.data.exchange.hdf5_source import Hdf5Source
from so_arm.data.exchange.hdf5_target import write_hdf5
from so_arm.data.exchange.rlds_source import RldsSource
from so_arm.data.exchange.rlds_target import write_rlds

REAL = SHARED / "data" / "hdf5"
ROWS = 5


def libero(path, demos=2, **changes):
    """A file as LIBERO's create_dataset.py writes it; `changes`: array -> its values in the last demonstration."""
    random = np.random.default_rng(0)
    with h5py.File(path, "w") as file:
        data = file.create_group("data")
        data.attrs["problem_info"] = json.dumps({"language_instruction": ["open", "the", "drawer"]})
        data.attrs["env_args"] = json.dumps({"env_kwargs": {"control_freq": 10, "robots": ["Panda"]}})
        for number in range(demos):
            arrays = {
                "actions": random.uniform(-1, 1, (ROWS, 7)),
                "states": random.random((ROWS, 9)),
                "rewards": np.array([0, 0, 0, 0, 1], np.uint8),
                "dones": np.array([0, 0, 0, 0, 1], np.uint8),
                "obs/ee_states": random.random((ROWS, 6)),
                "obs/gripper_states": random.random((ROWS, 2)),
                "obs/joint_states": random.random((ROWS, 7)),
                "obs/agentview_rgb": random.integers(0, 255, (ROWS, 8, 10, 3), np.uint8),
                "obs/eye_in_hand_rgb": random.integers(0, 255, (ROWS, 8, 10, 3), np.uint8),
                "obs/agentview_depth": random.random((ROWS, 8, 10)),
            }
            for name, values in (arrays | (changes if number == demos - 1 else {})).items():
                if values is not None:
                    data[f"demo_{number + 9}/{name}"] = values  # demo_10 comes after demo_9
    return path


def test_libero_files_become_columns_of_lerobot(tmp_path):
    source = Hdf5Source(libero(tmp_path / "KITCHEN_SCENE1_open_it_demo.hdf5"))
    layout = source.layout
    assert (layout.fps, layout.robot_type, layout.delta_actions) == (10, "panda", True)
    assert layout.features["action"].names == DELTA_NAMES
    assert layout.features["observation.state"].shape == (8,)
    assert layout.features["observation.joint_states"].shape == (7,)
    assert layout.images == {"observation.images.agentview": (8, 10), "observation.images.eye_in_hand": (8, 10)}
    assert source.lengths == [ROWS, ROWS]
    assert [line for line in source.warnings if "agentview_depth" in line]
    first = next(source.episodes())
    with h5py.File(tmp_path / "KITCHEN_SCENE1_open_it_demo.hdf5") as file:
        demo = file["data/demo_9"]
        state = np.concatenate([demo["obs/ee_states"], demo["obs/gripper_states"]], axis=1).astype(np.float32)
    assert np.array_equal(first.columns["observation.state"], state)
    assert first.columns["done"].ravel().tolist() == [False] * 4 + [True]
    assert first.columns["reward"].ravel().tolist() == [0, 0, 0, 0, 1]
    assert first.task == "open the drawer"


def test_images_are_read_row_by_row(tmp_path):
    path = libero(tmp_path / "a.hdf5", demos=1)
    for episode in Hdf5Source(path).episodes():
        images = [image["observation.images.agentview"] for image in episode.images()]
    with h5py.File(path) as file:
        assert np.array_equal(np.stack(images), file["data/demo_9/obs/agentview_rgb"])


def test_instruction_and_rate_of_the_command_line_come_first(tmp_path):
    source = Hdf5Source(libero(tmp_path / "a.hdf5"), "Shut it.", 40)
    assert source.layout.fps == 40
    assert next(source.episodes()).task == "Shut it."


@pytest.mark.parametrize("to", ["hdf5", "rlds"])
def test_another_robots_columns_keep_their_names(tmp_path, to):
    source = Hdf5Source(libero(tmp_path / "a.hdf5"))
    out = tmp_path / "out"
    if to == "hdf5":
        write_hdf5(out, source.layout, source.episodes(), lambda rows: None)
    else:
        write_rlds(out, "a", "a.hdf5", source.layout, source.episodes(), lambda rows: None)
    again = Hdf5Source(out) if to == "hdf5" else RldsSource(out)
    assert again.layout == source.layout
    for episode, before in zip(again.episodes(), source.episodes(), strict=True):
        assert_same_numbers(episode, before)


def test_columns_that_would_be_one_are_refused(tmp_path):
    layout = replace(LAYOUT, features=LAYOUT.features | {"observation.joint_states": JOINTS})
    said = refusal(write_hdf5, tmp_path / "out", layout, [make_episode(0)], lambda rows: None)
    assert "observation.state and observation.joint_states would both be obs/joint_states" in said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"obs/ee_states": np.zeros((3, 6))}, "differ in length"),
        ({"obs/joint_states": None}, "demo_10 has no obs/joint_states"),
        ({"obs/joint_states": np.zeros((ROWS, 6))}, "has 6 values"),
        ({"actions": np.full((ROWS, 7), np.nan)}, "not finite"),
    ],
)
def test_demonstrations_that_do_not_fit_are_named(tmp_path, changes, said):
    path = libero(tmp_path / "a.hdf5", **changes)
    assert said in refusal(lambda: [len(episode) for episode in Hdf5Source(path).episodes()])


def test_a_demonstration_without_rows_is_left_out(tmp_path):
    arrays = ("actions", "states", "obs/ee_states", "obs/gripper_states", "obs/joint_states", "rewards", "dones")
    empty = {name: np.zeros((0, 7)) for name in arrays}
    images = {f"obs/{name}_rgb": np.zeros((0, 8, 10, 3), np.uint8) for name in ("agentview", "eye_in_hand")}
    source = Hdf5Source(libero(tmp_path / "a.hdf5", **empty, **images))
    assert source.lengths == [ROWS]
    assert [line for line in source.warnings if "demo_10 has no rows" in line]
    path = libero(tmp_path / "b.hdf5", actions=None)
    assert [line for line in Hdf5Source(path).warnings if "demo_10 has no actions" in line]


def test_files_that_are_no_demonstrations(tmp_path):
    with h5py.File(tmp_path / "other.hdf5", "w") as file:
        file["weights"] = np.zeros(3)
    assert "no group data" in refusal(Hdf5Source, tmp_path / "other.hdf5")
    assert "weights" in refusal(Hdf5Source, tmp_path / "other.hdf5")
    with h5py.File(tmp_path / "empty.hdf5", "w") as file:
        file.create_group("data")
    assert "no demonstration" in refusal(Hdf5Source, tmp_path / "empty.hdf5")
    whole = libero(tmp_path / "whole.hdf5").read_bytes()
    (tmp_path / "cut.hdf5").write_bytes(whole[: len(whole) // 2])
    assert "damaged" in refusal(Hdf5Source, tmp_path / "cut.hdf5")
    (tmp_path / "text.hdf5").write_text("no")
    assert "no HDF5 file" in refusal(Hdf5Source, tmp_path / "text.hdf5")


def test_written_files_have_the_form_of_liberos(tmp_path):
    episodes = [make_episode(number) for number in range(3)]
    write_hdf5(tmp_path / "out", LAYOUT, episodes, lambda rows: None)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "pick_up_the_red_cube_demo.hdf5",
        "reach_the_target_demo.hdf5",
    ]
    with h5py.File(tmp_path / "out" / "pick_up_the_red_cube_demo.hdf5") as file:
        data = file["data"]
        assert (data.attrs["num_demos"], data.attrs["total"]) == (2, 19)
        assert json.loads(data.attrs["problem_info"])["language_instruction"] == "Pick up the red cube."
        assert json.loads(data.attrs["env_args"])["env_kwargs"]["control_freq"] == 20
        assert json.loads(data.attrs["so_arm"])["units"] == {"body": "degree", "gripper": "0..100"}
        demo = data["demo_1"]
        assert np.array_equal(demo["actions"], episodes[2].columns["action"])
        assert np.array_equal(demo["obs/joint_states"], episodes[2].columns["observation.state"])
        assert demo["obs/static_rgb"].shape == (7, 48, 64, 3)
        assert demo["dones"][()].tolist() == [0] * 6 + [1]
        assert demo["rewards"].shape == demo["success"].shape == (7,)


def test_a_disk_that_takes_no_more(tmp_path):
    """HDF5 itself ends the process when it cannot write while closing a file."""

    def fill():
        with new_hdf5(tmp_path / "a.hdf5") as (file, raw):
            file["small"] = np.zeros(10)
            file.flush()
            raw.error = OSError(28, "No space left on device")
            file["large"] = np.zeros(2**20)
            file.flush()

    with pytest.raises(OSError, match="No space"):
        fill()


@pytest.mark.skipif(not REAL.is_dir(), reason="the recorded data are not beside the checkout")
@pytest.mark.parametrize(("name", "rows", "states"), [("lift", 412, 32), ("stack", 532, 45), ("pick_place", 1482, 71)])
def test_real_files_of_robosuite(name, rows, states):
    path = REAL / f"robosuite_{name}_panda_demo.hdf5"
    source = Hdf5Source(path)
    assert (source.lengths, source.layout.robot_type, source.layout.fps) == ([rows], "panda", 20)
    assert source.layout.images == {}
    assert source.layout.features["observation.state"].shape == (states,)
    (episode,) = source.episodes()
    with h5py.File(path) as file:
        assert np.array_equal(episode.columns["action"], file["data/demo_1/actions"][()].astype(np.float32))
    assert episode.task == f"robosuite {name.replace('_', ' ')} panda"
