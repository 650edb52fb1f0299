"""LeRobot -> HDF5 or RLDS -> LeRobot gives the same dataset again."""

import numpy as np
import pytest
from tests.data.exchange.datasets import (
    FPS,
    LAYOUT,
    LENGTHS,
    STATIC,
    TASKS,
    assert_same_numbers,
    image_difference,
    make_episode,
)

from so_arm.data.dataset_schema import Record
from so_arm.data.exchange.edits import Edits
from so_arm.data.exchange.hdf5_source import Hdf5Source
from so_arm.data.exchange.hdf5_target import write_hdf5
from so_arm.data.exchange.lerobot_source import LeRobotSource
from so_arm.data.exchange.lerobot_target import write_lerobot
from so_arm.data.exchange.rlds_source import RldsSource
from so_arm.data.exchange.rlds_target import write_rlds
from so_arm.data.exchange.transfer import transfer

pytestmark = pytest.mark.torch


def rlds(folder, *arguments):
    write_rlds(folder, "pick_and_reach", "pick_and_reach", *arguments)


@pytest.fixture(scope="module", params=[(write_hdf5, Hdf5Source), (rlds, RldsSource)], ids=["hdf5", "rlds"])
def exported(request, dataset, tmp_path_factory):
    """The dataset in the other format, opened."""
    write, source = request.param
    output = tmp_path_factory.mktemp("exported") / "out"
    rows = []
    done = transfer(LeRobotSource(dataset), output, Edits(), write, rows.append)
    assert (sum(rows), done.lengths) == (sum(LENGTHS), list(LENGTHS))
    return source(output)


def test_written_dataset_reads_as_it_was(dataset):
    source = LeRobotSource(dataset)
    assert source.layout == LAYOUT
    assert source.lengths == list(LENGTHS)
    for number, episode in enumerate(source.episodes()):
        assert_same_numbers(episode, make_episode(number))
        assert image_difference(episode, make_episode(number)) < 3  # the video codec


def test_export_holds_every_value(exported, dataset):
    assert exported.layout == LAYOUT
    assert exported.lengths == list(LENGTHS)
    assert exported.warnings == []
    bound = 0.0 if isinstance(exported, Hdf5Source) else 2.0  # JPEG
    for episode, original in zip(exported.episodes(), LeRobotSource(dataset).episodes(), strict=True):
        assert_same_numbers(episode, original)
        assert image_difference(episode, original) <= bound


def test_import_makes_the_same_dataset(exported, dataset, tmp_path):
    from lerobot.datasets import LeRobotDataset

    transfer(exported, tmp_path / "again", Edits(), write_lerobot, lambda rows: None)
    again, original = LeRobotSource(tmp_path / "again"), LeRobotSource(dataset)
    assert again.layout == original.layout
    for episode, before in zip(again.episodes(), original.episodes(), strict=True):
        assert_same_numbers(episode, before)
        assert image_difference(episode, before) < 4  # the codecs
    assert Record.load(tmp_path / "again").units == original.record.units
    loaded = LeRobotDataset("local/again", root=tmp_path / "again", video_backend="pyav")
    assert (loaded.num_episodes, len(loaded), loaded.fps) == (3, sum(LENGTHS), FPS)
    last = loaded[len(loaded) - 1]
    assert last["task"] == TASKS[-1]
    assert np.array_equal(last["action"].numpy(), make_episode(2).columns["action"][-1])
    assert tuple(last[STATIC].shape) == (3, 48, 64)
