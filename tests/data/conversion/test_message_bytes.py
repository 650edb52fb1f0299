"""Bytes that are made without ROS are the messages that our nodes publish."""

import cv2
import numpy as np
import pytest
from rosbags.typesys import Stores, get_typestore

from so_arm.core.episode_info import RUNNING, EpisodeInfo
from so_arm.core.joints import JOINT_NAMES
from so_arm.data import ros_types
from so_arm.data.conversion import message_bytes

STAMP_NS = 12 * 10**9 + 34


@pytest.fixture(scope="module")
def store():
    return get_typestore(Stores.ROS2_JAZZY)


def _stamp(message) -> int:
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


def test_joint_states(store):
    position = np.linspace(-1, 1, 6)
    message = store.deserialize_cdr(message_bytes.joint_state(STAMP_NS, position, "teleop"), ros_types.JOINT_STATE)
    assert (_stamp(message), message.header.frame_id, tuple(message.name)) == (STAMP_NS, "teleop", JOINT_NAMES)
    assert np.array_equal(message.position, position)


def test_images(store):
    pixels = np.random.default_rng(0).integers(0, 255, (6, 8, 3), np.uint8)
    raw = message_bytes.image(STAMP_NS, "wrist_optical_frame", pixels[:, ::1])
    message = store.deserialize_cdr(raw, ros_types.IMAGE)
    assert (message.height, message.width, message.step, message.encoding) == (6, 8, 24, "rgb8")
    assert np.array_equal(message.data.reshape(6, 8, 3), pixels)


def test_jpeg_keeps_the_colours_in_order(store):
    red = np.full((16, 16, 3), (220, 20, 20), np.uint8)
    raw = message_bytes.compressed_image(STAMP_NS, "", red)
    message = store.deserialize_cdr(raw, ros_types.COMPRESSED_IMAGE)
    bgr = cv2.imdecode(message.data, cv2.IMREAD_COLOR)
    assert np.abs(bgr[..., ::-1].astype(int) - red).max() < 8


def test_episodes_and_rewards_survive_bit_for_bit(store):
    info = EpisodeInfo(id="a-1", phase=RUNNING, seed=3, task="reach", start_stamp_ns=STAMP_NS, reward=0.1 + 0.2)
    message = store.deserialize_cdr(message_bytes.episode_info(info), ros_types.DIAGNOSTIC_STATUS)
    texts = {item.key: item.value for item in message.values}
    assert repr(EpisodeInfo.from_text(texts)) == repr(info)
    terms = store.deserialize_cdr(
        message_bytes.reward_terms(STAMP_NS, 0.1 + 0.2, True, "v3"), ros_types.DIAGNOSTIC_ARRAY
    )
    texts = {item.key: item.value for item in terms.status[0].values}
    assert (_stamp(terms), float(texts["total"]), texts["success"]) == (STAMP_NS, 0.1 + 0.2, "True")
