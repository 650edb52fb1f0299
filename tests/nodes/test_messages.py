import time

import numpy as np
import pytest

pytest.importorskip("rclpy")

from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Image, JointState
from trajectory_msgs.msg import JointTrajectory, JointTrajectoryPoint

from so_arm.core.chunk import ActionChunk
from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES
from so_arm.nodes.messages import (
    ImageWriter,
    JointStateReader,
    JointStateWriter,
    camera_info,
    chunk_from_message,
    chunk_message,
    image_from_message,
    stamp_ns,
)

pytestmark = pytest.mark.ros
POSITION = np.array([0.1, -0.2, 0.3, -0.4, 0.5, 0.6])


def over_the_wire(message: object) -> object:
    return deserialize_message(serialize_message(message), type(message))


def test_joint_state_there_and_back_bit_for_bit() -> None:
    writer = JointStateWriter(with_velocity=True)
    writer.write(1, np.zeros(6), np.zeros(6))
    message = over_the_wire(writer.write(1_795_169_970_694_837_161, POSITION, 2 * POSITION))
    assert isinstance(message, JointState)
    reader = JointStateReader("joint state")
    assert np.array_equal(reader.position(message), POSITION)
    assert np.array_equal(reader.velocity(message), 2 * POSITION)
    assert stamp_ns(message.header.stamp) == 1_795_169_970_694_837_161


def test_joints_are_matched_by_name_also_when_the_order_changes() -> None:
    reader = JointStateReader("joint command")
    for order in ([5, 4, 3, 2, 1, 0], [0, 1, 2, 3, 4, 5], [2, 0, 1, 5, 3, 4]):
        message = JointState(name=[JOINT_NAMES[i] for i in order], position=POSITION[order].tolist())
        assert np.array_equal(reader.position(message), POSITION)


@pytest.mark.parametrize(
    ("names", "count", "message"),
    [
        (JOINT_NAMES[:5], 5, "missing gripper"),
        ((*JOINT_NAMES, "thumb"), 7, "unknown thumb"),
        ((*JOINT_NAMES[:5], "wrist_roll"), 6, "twice wrist_roll"),
        (JOINT_NAMES, 5, "joint command: 5 positions for 6 joints"),
        ((), 6, "missing shoulder_pan"),
    ],
)
def test_missing_extra_and_doubled_joints_are_named(names: tuple[str, ...], count: int, message: str) -> None:
    reader = JointStateReader("joint command")
    with pytest.raises(UserError, match=message):
        reader.position(JointState(name=list(names), position=[0.0] * count))
    assert np.array_equal(reader.position(JointState(name=list(JOINT_NAMES), position=POSITION)), POSITION)


def test_chunk_there_and_back_bit_for_bit() -> None:
    chunk = ActionChunk(7, 33_333_333, np.random.default_rng(0).normal(size=(50, 6)))
    message = over_the_wire(chunk_message(chunk))
    assert isinstance(message, JointTrajectory)
    back = chunk_from_message(message, 1)
    assert (back.stamp_ns, back.period_ns) == (7, 33_333_333)
    assert back.actions.tobytes() == chunk.actions.tobytes()


def test_bad_chunks_are_refused() -> None:
    good = chunk_message(ActionChunk(0, 10, np.zeros((3, 6))))
    good.points[1].positions[2] = np.nan
    with pytest.raises(UserError, match="step 1 of elbow_flex is nan"):
        chunk_from_message(good, 1)
    good.points[1] = JointTrajectoryPoint(positions=[0.0] * 5)
    with pytest.raises(UserError, match=r"points of \[5, 6\] positions"):
        chunk_from_message(good, 1)
    with pytest.raises(UserError, match="expected 6 in each"):
        chunk_from_message(JointTrajectory(joint_names=list(JOINT_NAMES)), 1)
    uneven = chunk_message(ActionChunk(0, 10_000_000, np.zeros((3, 6))))
    uneven.points[2].time_from_start.nanosec += 5_000_000
    with pytest.raises(UserError, match="not evenly spaced"):
        chunk_from_message(uneven, 1)


def test_images_there_and_back_and_without_a_copy_per_pixel() -> None:
    picture = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
    writer = ImageWriter("static_optical_frame", 480, 640)
    message = over_the_wire(writer.write(3, picture))
    assert isinstance(message, Image)
    assert np.array_equal(image_from_message(message), picture)
    begun = time.perf_counter()
    for _ in range(10):
        writer.write(3, picture)
        image_from_message(message)
    assert (time.perf_counter() - begun) / 10 < 5e-3  # per-element paths take 10 to 40 ms


def test_image_encodings_and_padding() -> None:
    picture = np.arange(2 * 3 * 3, dtype=np.uint8).reshape(2, 3, 3)
    padded = np.zeros((2, 12), np.uint8)
    padded[:, :9] = picture.reshape(2, 9)
    message = Image(height=2, width=3, step=12, encoding="rgb8", data=padded.tobytes())
    assert np.array_equal(image_from_message(message), picture)
    message.encoding = "bgr8"
    assert np.array_equal(image_from_message(message), picture[..., ::-1])
    message.encoding = "mono16"
    with pytest.raises(UserError, match="image encoding 'mono16', expected rgb8 or bgr8"):
        image_from_message(message)


def test_camera_info_is_a_pinhole_or_uncalibrated() -> None:
    info = camera_info("f", 480, 640, 500.0)
    assert (info.k[0], info.k[2], info.k[5], info.k[8]) == (500.0, 319.5, 239.5, 1.0)
    assert not np.any(camera_info("f", 480, 640, None).k)
