"""Messages to values: joints by name, pixels of every encoding, and a refusal that names the topic."""

from __future__ import annotations

import numpy as np
import pytest
from tests.data.ingest import wired

from so_arm.core.episode_info import EpisodeInfo
from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES
from so_arm.data.ingest import wire

STAMP = 1_700_000_000_123_456_789


def test_joints_are_matched_by_name():
    raw = wired.joints(STAMP, [6, 5, 4, 3, 2, 1], tuple(reversed(JOINT_NAMES)), frame_id="teleop")
    found = wire.joints(raw, "follower/joint_states")
    assert found.position.tolist() == [1, 2, 3, 4, 5, 6]
    assert (found.stamp_ns, found.frame_id) == (STAMP, "teleop")
    assert wire.header_stamp(raw, "x") == wire.header_stamp(memoryview(raw), "x") == STAMP


@pytest.mark.parametrize(
    ("names", "position", "message"),
    [
        (JOINT_NAMES[:5], range(5), "missing gripper"),
        ((*JOINT_NAMES, "tail"), range(7), "unknown tail"),
        ((*JOINT_NAMES[:5], "wrist_roll"), range(6), "missing gripper; twice wrist_roll"),
        (JOINT_NAMES, range(5), "5 positions for 6 joints"),
        (JOINT_NAMES, [0, 1, float("nan"), 3, 4, 5], "position of elbow_flex is not finite"),
    ],
)
def test_other_joints_are_refused(names, position, message: str):
    with pytest.raises(UserError, match="follower/joint_states: ") as caught:
        wire.joints(wired.joints(STAMP, list(position), names), "follower/joint_states")
    assert message in str(caught.value)


@pytest.mark.parametrize("encoding", ["rgb8", "bgr8"])
@pytest.mark.parametrize("padding", [0, 5])
def test_images_are_rgb_whatever_was_sent(encoding: str, padding: int):
    pixels = np.random.default_rng(1).integers(0, 255, (7, 9, 3), dtype=np.uint8)
    stamp, found = wire.image(wired.image(STAMP, pixels, encoding, padding), "x")
    assert stamp == STAMP
    np.testing.assert_array_equal(found, pixels)


def test_rgb_pixels_are_not_copied():
    raw = wired.image(STAMP, wired.picture(0))
    assert np.shares_memory(wire.image(raw, "x")[1], np.frombuffer(raw, np.uint8))


def test_compressed_images():
    stamp, found = wire.compressed_image(wired.jpeg(STAMP, wired.picture(3)), "x")
    assert stamp == STAMP
    np.testing.assert_allclose(found, wired.picture(3), atol=6)


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (wired.image(STAMP, wired.picture(0), "mono8"), "image encoding 'mono8', expected rgb8 or bgr8"),
        (wired.image(STAMP, np.zeros((0, 4, 3), np.uint8)), "0 bytes are no image of 4x0 px"),
        (wired.image(STAMP, wired.picture(0))[:200], "200 bytes are no sensor_msgs/msg/Image"),
        (b"", "0 bytes are no sensor_msgs/msg/Image"),
    ],
)
def test_what_is_no_image_is_refused(raw: bytes, message: str):
    with pytest.raises(UserError, match=r"^static_camera/image_raw: ") as caught:
        wire.image(raw, "static_camera/image_raw")
    assert message in str(caught.value)


def test_a_broken_jpeg_and_a_short_message_are_refused():
    whole = wired.jpeg(STAMP, wired.picture(0))
    kind = "sensor_msgs/msg/CompressedImage"
    broken = wired.packed(wired.made(kind, wired.header(STAMP), "jpeg", np.arange(50, dtype=np.uint8)))
    for raw in (broken, whole[:30], wired.packed(wired.made(kind, wired.header(STAMP), "", np.zeros(0, np.uint8)))):
        with pytest.raises(UserError, match=r"^x: "):
            wire.compressed_image(raw, "x")
    with pytest.raises(UserError, match="x: a message of 5 bytes has no header"):
        wire.header_stamp(b"\0\1\0\0\0", "x")


def test_episode_and_reward():
    info = wired.ended(3, 40)
    assert wire.episode_info(wired.info(info), "x").to_text() == info.to_text()
    assert wire.episode_info(wired.info(EpisodeInfo()), "x").id == ""
    assert wire.reward(wired.reward(STAMP, 0.25, True), "x") == wire.RewardSample(STAMP, 0.25, True)
    with pytest.raises(UserError, match="no number under 'total'"):
        empty = wired.made("diagnostic_msgs/msg/DiagnosticArray", wired.header(STAMP), [wired.status({"a": "1"})])
        wire.reward(wired.packed(empty), "x")
