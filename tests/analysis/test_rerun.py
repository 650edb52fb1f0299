"""What `so-arm view` writes, read back through Rerun itself."""

import warnings

import numpy as np
import pytest
from rosbags.typesys import Stores, get_typestore

from so_arm.analysis.rerun_bag import write_bag
from so_arm.analysis.rerun_view import write_episode
from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES
from so_arm.data.bags.reader import open_bag
from so_arm.data.bags.writer import BagWriter
from so_arm.data.dataset_schema import ACTION, FEATURE_NAMES, STATE, UNITS
from so_arm.data.exchange.episode import Episode, Feature, Layout

ROWS, FPS = 7, 10
CAMERA = "observation.images.static"
JOINTS = Feature("float32", (6,), list(FEATURE_NAMES))
STORE = get_typestore(Stores.ROS2_JAZZY)
SECOND_NS = 1_000_000_000


def rows(path):
    """Entity -> its number of rows; and entity -> its numbers, of a recording."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        from rerun.recording import load_recording

        recording = load_recording(path)
    counts, values = {}, {}
    for chunk in recording.chunks():
        batch = chunk.to_record_batch()
        entity = str(chunk.entity_path)
        counts[entity] = counts.get(entity, 0) + batch.num_rows
        if "Scalars:scalars" in batch.schema.names:
            values.setdefault(entity, []).extend(cell[0] for cell in batch.column("Scalars:scalars").to_pylist())
    return counts, values


def test_an_episode(tmp_path):
    action = np.random.default_rng(0).random((ROWS, 6)).astype(np.float32)
    success = np.array([[False]] * (ROWS - 1) + [[True]])
    columns = {ACTION: action, STATE: action + 1, "reward": action[:, :1], "success": success}
    scalar = Feature("float32", (1,))
    layout = Layout(
        FPS,
        "so100_follower",
        {STATE: JOINTS, ACTION: JOINTS, "reward": scalar, "success": Feature("bool", (1,))},
        {CAMERA: (12, 16)},
        UNITS,
    )
    episode = Episode(columns, {CAMERA: [np.full((12, 16, 3), row, np.uint8) for row in range(ROWS)]}, "Reach.")
    seen = []
    write_episode(tmp_path / "a.rrd", "set, episode 0", layout, episode, seen.append)
    assert sum(seen) == ROWS
    counts, values = rows(tmp_path / "a.rrd")
    joints = [f"/{key}/{name}" for key in (ACTION, STATE) for name in FEATURE_NAMES]
    assert {entity: counts[entity] for entity in [*joints, f"/{CAMERA}", "/reward", "/success"]} == dict.fromkeys(
        [*joints, f"/{CAMERA}", "/reward", "/success"], ROWS
    )
    assert counts["/instruction"] == 1
    assert np.allclose(values["/action/elbow_flex.pos"], action[:, 2])
    assert values["/success"] == [0.0] * (ROWS - 1) + [1.0]


def message(kind, **fields):
    return bytes(STORE.serialize_cdr(STORE.types[kind](**fields), kind))


def header(stamp_ns, frame_id=""):
    types = STORE.types
    stamp = types["builtin_interfaces/msg/Time"](*divmod(stamp_ns, SECOND_NS))
    return types["std_msgs/msg/Header"](stamp=stamp, frame_id=frame_id)


def joint_state(stamp_ns, position, source):
    empty = np.zeros(0)
    return message(
        "sensor_msgs/msg/JointState",
        header=header(stamp_ns, source),
        name=list(JOINT_NAMES),
        position=np.asarray(position, np.float64),
        velocity=empty,
        effort=empty,
    )


def image(stamp_ns, size=(6, 8)):
    return message(
        "sensor_msgs/msg/Image",
        header=header(stamp_ns),
        height=size[0],
        width=size[1],
        encoding="rgb8",
        is_bigendian=0,
        step=3 * size[1],
        data=np.zeros(3 * size[0] * size[1], np.uint8),
    )


def reward(stamp_ns, total):
    types = STORE.types
    pairs = [types["diagnostic_msgs/msg/KeyValue"](key, value) for key, value in total.items()]
    status = types["diagnostic_msgs/msg/DiagnosticStatus"](
        level=0, name="reward", message="", hardware_id="", values=pairs
    )
    return message("diagnostic_msgs/msg/DiagnosticArray", header=header(stamp_ns), status=[status])


def write(folder, messages):
    """messages: (topic, type, data)."""
    with BagWriter(folder) as bag:
        for name, kind in dict.fromkeys((name, kind) for name, kind, _ in messages):
            bag.add_topic(name, kind)
        for number, (name, _, data) in enumerate(messages):
            bag.write(name, number + 1, data)
    return folder


def test_a_bag(tmp_path):
    number = message("std_msgs/msg/Float64", data=0.25)
    point = message("geometry_msgs/msg/Point", x=0.0, y=0.0, z=0.0)
    messages = [
        ("/follower/joint_states", "sensor_msgs/msg/JointState", joint_state(5, np.arange(6), "policy")),
        ("/follower/joint_states", "sensor_msgs/msg/JointState", joint_state(5, np.arange(6), "policy")),
        ("/follower/joint_states", "sensor_msgs/msg/JointState", joint_state(6, np.arange(6) + 1, "teleop")),
        ("/static_camera/image_raw", "sensor_msgs/msg/Image", image(5)),
        ("/reward", "std_msgs/msg/Float64", number),
        (
            "/reward/terms",
            "diagnostic_msgs/msg/DiagnosticArray",
            reward(7, {"total": "0.5", "success": "True", "a": "b"}),
        ),
        ("/note", "std_msgs/msg/String", message("std_msgs/msg/String", data="hello")),
        ("/point", "geometry_msgs/msg/Point", point),
        ("/static_camera/image_raw", "sensor_msgs/msg/Image", image(6)[:40]),
    ]
    seen = []
    with open_bag(write(tmp_path / "bag", messages)) as bag:
        notes = write_bag(tmp_path / "b.rrd", bag, seen.append)
    assert sum(seen) == len(messages) - 1
    counts, values = rows(tmp_path / "b.rrd")
    assert values["/follower/joint_states/elbow_flex"] == [2.0, 2.0, 3.0]
    assert values["/reward"] == [0.25]
    assert values["/reward/terms/total"] == [0.5]
    assert values["/reward/terms/success"] == [1.0]
    assert (counts["/static_camera/image_raw"], counts["/note/words"]) == (1, 1)
    assert counts["/follower/joint_states/words"] == 2  # policy, then teleop
    assert "/point" not in counts
    assert [note for note in notes if "/point (geometry_msgs/msg/Point)" in note]
    assert [note for note in notes if "not all is shown of /static_camera/image_raw" in note]


def test_a_bag_with_nothing_to_show_lists_what_it_has(tmp_path):
    point = message("geometry_msgs/msg/Point", x=0.0, y=0.0, z=0.0)
    with (
        open_bag(write(tmp_path / "bag", [("/point", "geometry_msgs/msg/Point", point)])) as bag,
        pytest.raises(UserError, match=r"/point \(geometry_msgs/msg/Point\)"),
    ):
        write_bag(tmp_path / "b.rrd", bag, lambda done: None)
    assert not (tmp_path / "b.rrd").exists()
