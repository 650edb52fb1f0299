import json

import numpy as np
import pytest
from tests.data.exchange.datasets import LAYOUT, LENGTHS, make_episode
from tests.data.exchange.refusals import refusal

from so_arm.data.exchange import tf_example
from so_arm.data.exchange.rlds_features import Leaf, features_json, read_features
from so_arm.data.exchange.rlds_source import RldsSource
from so_arm.data.exchange.rlds_target import write_rlds
from so_arm.data.exchange.tfrecord import read_records, write_record

CLASSES = "tensorflow_datasets.core.features"


@pytest.fixture
def written(tmp_path):
    """The folder with features.json."""
    episodes = [make_episode(number) for number in range(3)]
    write_rlds(tmp_path / "out", "some", "source", LAYOUT, episodes, lambda rows: None)
    return tmp_path / "out" / "some" / "1.0.0"


def read(folder):
    return [list(episode.images()) for episode in RldsSource(folder).episodes()]


def shard(folder):
    return folder / "some-train.tfrecord-00000-of-00001"


def edit(path, change):
    data = json.loads(path.read_text())
    change(data)
    path.write_text(json.dumps(data))


def test_files_are_named_and_counted_as_tfds_does(written):
    names = {"dataset_info.json", "features.json", "so_arm.json", shard(written).name}
    assert {path.name for path in written.iterdir()} == names
    info = json.loads((written / "dataset_info.json").read_text())
    (split,) = info["splits"]
    assert (info["name"], info["version"], info["fileFormat"]) == ("some", "1.0.0", "tfrecord")
    assert split["shardLengths"] == ["3"]
    assert int(split["numBytes"]) == sum(len(data) for data in read_records(shard(written)))


def test_records_hold_the_steps_flattened(written):
    episode = make_episode(1)
    found = tf_example.decode(list(read_records(shard(written)))[1])
    length = LENGTHS[1]
    assert np.array_equal(found["steps/action"].reshape(length, 6), episode.columns["action"])
    assert np.array_equal(found["steps/observation/state"].reshape(length, 6), episode.columns["observation.state"])
    assert found["steps/is_first"].tolist() == [1] + [0] * (length - 1)
    assert found["steps/is_last"].tolist() == [0] * (length - 1) + [1]
    assert found["steps/is_terminal"].tolist() == [0] * length  # the second episode failed
    assert found["steps/discount"].tolist() == [1.0] * length
    assert np.array_equal(found["steps/reward"], episode.columns["reward"].ravel())
    assert found["steps/language_instruction"] == [b"Reach the target."] * length
    assert {data[:2] for data in found["steps/observation/image"]} == {b"\xff\xd8"}  # JPEG
    assert len(found["steps/observation/wrist_image"]) == length
    assert found["episode_metadata/file_path"] == [b"source"]
    assert found["episode_metadata/episode_id"].tolist() == [1]


def test_features_are_spelt_as_tfds_does():
    leaves = {"observation/image": Leaf("image", "uint8", (4, 6, 3)), "n": Leaf("tensor", "bool"), "t": Leaf("text")}
    steps = features_json(leaves, {})["featuresDict"]["features"]["steps"]
    assert steps["pythonClassName"] == f"{CLASSES}.dataset_feature.Dataset"
    assert steps["sequence"]["length"] == "-1"
    inner = steps["sequence"]["feature"]["featuresDict"]["features"]
    assert inner["n"] == {
        "pythonClassName": f"{CLASSES}.scalar.Scalar",
        "tensor": {"dtype": "bool", "encoding": "none", "shape": {}},
    }
    assert inner["t"] == {"pythonClassName": f"{CLASSES}.text_feature.Text", "text": {}}
    assert inner["observation"]["featuresDict"]["features"]["image"] == {
        "pythonClassName": f"{CLASSES}.image_feature.Image",
        "image": {"dtype": "uint8", "encodingFormat": "jpeg", "shape": {"dimensions": ["4", "6", "3"]}},
    }
    found = read_features(features_json(leaves, {}), "here")
    assert found == {
        "steps/n": Leaf("tensor", "bool"),
        "steps/t": Leaf("text"),
        "steps/observation/image": Leaf("image", "uint8", (4, 6, 3)),
    }


def test_datasets_of_others_are_read_by_their_features(written):
    (written / "so_arm.json").unlink()
    source = RldsSource(written.parents[1], fps=None)
    assert source.layout.fps == 20
    assert [line for line in source.warnings if "--source-fps" in line]
    assert set(source.layout.images) == {"observation.images.image", "observation.images.wrist_image"}
    assert set(source.layout.features) == {"action", "observation.state", "reward", "success", "intervention"}
    episode = next(source.episodes())
    assert np.array_equal(episode.columns["action"], make_episode(0).columns["action"])
    assert episode.task == "Pick up the red cube."
    assert RldsSource(written, "Wait.", 5).layout.fps == 5
    assert next(RldsSource(written, "Wait.", 5).episodes()).task == "Wait."


def test_features_of_other_kinds_are_named(written):
    def add(features):
        steps = features["featuresDict"]["features"]["steps"]["sequence"]["feature"]
        steps["featuresDict"]["features"]["kind"] = {"pythonClassName": "ClassLabel", "classLabel": {}}

    (written / "so_arm.json").unlink()
    edit(written / "features.json", add)
    assert [line for line in RldsSource(written).warnings if line.startswith("kind is left out")]


def test_large_datasets_have_several_files(tmp_path, monkeypatch):
    monkeypatch.setattr("so_arm.data.exchange.rlds_target._SHARD_BYTES", 1000)
    episodes = [make_episode(number) for number in range(3)]
    write_rlds(tmp_path / "out", "some", "source", LAYOUT, episodes, lambda rows: None)
    names = sorted(path.name for path in (tmp_path / "out").rglob("*tfrecord*"))
    assert names == [f"some-train.tfrecord-{number:05d}-of-00003" for number in range(3)]
    assert RldsSource(tmp_path / "out").lengths == list(LENGTHS)


def test_a_damaged_record_is_named_with_its_sum(written):
    data = bytearray(shard(written).read_bytes())
    data[-40] ^= 1
    shard(written).write_bytes(data)
    said = refusal(read, written)
    assert "CRC of the data of record 2" in said
    assert shard(written).name in said


def test_a_record_of_something_else(written):
    with shard(written).open("wb") as file:
        write_record(file, b"\x0a\xff\xff no")
    assert "record 0 is no tf.train.Example" in refusal(read, written)


def test_incomplete_datasets(written):
    with shard(written).open("wb") as file:
        write_record(file, tf_example.encode({"steps/action": np.zeros(6)}))
    assert "1 of the 3 records" in refusal(read, written)
    shard(written).unlink()
    assert "is missing" in refusal(read, written)


def test_values_that_are_not_there_are_named(written):
    edit(written / "dataset_info.json", lambda info: info["splits"][0].update(shardLengths=["1"]))
    with shard(written).open("wb") as file:
        write_record(file, tf_example.encode({"steps/action": np.zeros(12), "steps/observation/state": np.zeros(6)}))
    assert "observation/state has 6 of 12 values" in refusal(read, written)


def test_an_image_that_is_none(written):
    records = [tf_example.decode(data) for data in read_records(shard(written))]
    records[1]["steps/observation/image"][4] = b"no JPEG"
    with shard(written).open("wb") as file:
        for record in records:
            write_record(file, tf_example.encode(record))
    assert "episode 1: observation/image, step 4" in refusal(read, written)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("features.json", "[]", "JSON object"),
        ("features.json", '{"featuresDict": {"features": {}}}', "no steps"),
        ("features.json", '{"featuresDict": 3}', "damaged"),
        ("dataset_info.json", "{}", "damaged"),
        ("so_arm.json", "{}", "damaged"),
    ],
)
def test_damaged_descriptions(written, name, text, said):
    (written / name).write_text(text)
    assert said in refusal(read, written)


def test_folders_that_hold_none_or_several(written, tmp_path):
    assert "no features.json" in refusal(RldsSource, written.parents[2] / "nothing")
    (written.parents[1] / "other").mkdir()
    (written.parents[1] / "other" / "features.json").write_text("{}")
    assert "choose one" in refusal(RldsSource, written.parents[1])
