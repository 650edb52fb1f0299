"""A recording written as a bag and read from it is the same recording."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tests.data.conversion.arm_bags import picture

from so_arm.core.errors import UserError
from so_arm.data.bags import qos
from so_arm.data.bags.reader import open_bag
from so_arm.data.conversion.bag_recording import BagRecording
from so_arm.data.conversion.dataset_to_bag import write_bag
from so_arm.data.recordings.recording import RecordedFrames

FPS = 30


class Memory:
    """A recording without files."""

    path = Path("memory")
    fps = float(FPS)

    def __init__(self, *episodes: RecordedFrames) -> None:
        self._episodes = episodes
        self.cameras = episodes[0].cameras

    def __len__(self) -> int:
        return len(self._episodes)

    def episode(self, index: int) -> RecordedFrames:
        return self._episodes[index]


def frames(
    ticks: int, seed: int, success: bool | None = True, cameras=("static", "wrist"), **changes
) -> RecordedFrames:
    rng = np.random.default_rng(seed)
    values = {
        "name": f"episode {seed}",
        "stamps_ns": np.rint(np.arange(ticks) * 1e9 / FPS).astype(np.int64),
        "state": np.asfortranarray(rng.uniform(-1, 1, (ticks, 6))),
        "action": rng.uniform(-1, 1, (ticks, 6)),
        "cameras": cameras,
        "image_of": lambda camera, tick: picture(camera, tick + 40 * seed),
        "task": "reach",
        "reward": rng.uniform(0, 1, ticks),
        "success": success,
        "intervention": np.arange(ticks) % 3 == 0,
    }
    return RecordedFrames(**(values | changes))


def test_everything_survives(tmp_path: Path) -> None:
    recording = Memory(frames(12, 0), frames(7, 1, success=False), frames(9, 2))
    written = write_bag(recording, tmp_path / "bag", [0, 1, 2])
    assert written.frames == (12, 7, 9)
    found = BagRecording(tmp_path / "bag", FPS)
    assert (len(found), found.cameras, found.fps) == (3, ("static", "wrist"), 30.0)
    assert [report.cut for report in found.reports] == ["", "", ""]
    for index in range(3):
        ours, theirs = recording.episode(index), found.episode(index)
        assert np.array_equal(np.diff(ours.stamps_ns), np.diff(theirs.stamps_ns))
        for name in ("state", "action", "reward", "intervention"):
            assert np.array_equal(getattr(ours, name), getattr(theirs, name)), name
        assert (theirs.success, theirs.task) == (ours.success, "reach")
        assert theirs.reward_success is None, "a label is not what the reward source said"
        assert theirs.latency_ms is None, "stamps that were made up tell of no latency"
        for tick in range(len(ours)):
            for camera, image in theirs.images(tick).items():
                assert np.array_equal(image, ours.image_of(camera, tick)), (index, tick, camera)


def test_images_are_there_in_any_order(tmp_path: Path) -> None:
    recording = Memory(frames(5, 0), frames(4, 1))
    write_bag(recording, tmp_path / "bag", [0, 1])
    found = BagRecording(tmp_path / "bag", FPS)
    for index, tick in ((1, 2), (0, 4), (0, 4), (0, 1), (1, 3)):
        ours, theirs = recording.episode(index), found.episode(index)
        assert np.array_equal(theirs.image_of("wrist", tick), ours.image_of("wrist", tick))


def test_what_a_recording_does_not_hold_is_not_made_up(tmp_path: Path) -> None:
    bare = frames(6, 0, success=None, cameras=(), reward=None, intervention=None, task="")
    write_bag(Memory(bare), tmp_path / "bag", [0])
    found = BagRecording(tmp_path / "bag", FPS)
    theirs = found.episode(0)
    assert (found.cameras, theirs.reward, theirs.success, theirs.task) == ((), None, None, "")
    assert theirs.intervention is None
    with open_bag(tmp_path / "bag") as bag:
        assert "/reward/terms" not in bag.topics


def test_jpeg_images_are_nearly_the_same(tmp_path: Path) -> None:
    recording = Memory(frames(3, 0))
    write_bag(recording, tmp_path / "bag", [0], compressed=True)
    with open_bag(tmp_path / "bag") as bag:
        assert bag.topics["/wrist_camera/image_raw/compressed"].count == 3
    theirs = BagRecording(tmp_path / "bag", FPS).episode(0).image_of("wrist", 2)
    assert np.abs(theirs.astype(int) - recording.episode(0).image_of("wrist", 2)).mean() < 4


def test_topics_are_published_as_our_nodes_do(tmp_path: Path) -> None:
    write_bag(Memory(frames(2, 0)), tmp_path / "bag", [0])
    with open_bag(tmp_path / "bag") as bag:
        durability = {name: qos.parse(topic.qos)[0]["durability"] for name, topic in bag.topics.items()}
        depth = {name: qos.parse(topic.qos)[0]["depth"] for name, topic in bag.topics.items()}
    assert durability["/episode/info"] == durability["/robot_description"] == "transient_local"
    assert (depth["/follower/joint_states"], depth["/follower/joint_commands"]) == (10, 1)
    assert depth["/static_camera/image_raw"] == 2


def test_an_episode_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="memory has no episode 3; it has 2, numbered from 0"):
        write_bag(Memory(frames(2, 0), frames(2, 1)), tmp_path / "bag", [0, 3])
    assert not (tmp_path / "bag").exists()


def test_an_interrupted_bag_holds_what_was_written(tmp_path: Path) -> None:
    written = 0

    def interrupt() -> None:
        nonlocal written
        written += 1
        if written == 10:
            raise KeyboardInterrupt

    recording = Memory(frames(6, 0), frames(8, 1))
    with pytest.raises(KeyboardInterrupt):
        write_bag(recording, tmp_path / "bag", [0, 1], on_frame=interrupt)
    found = BagRecording(tmp_path / "bag", FPS)
    assert [len(found.episode(index)) for index in range(2)] == [6, 4]
    assert [report.cut for report in found.reports] == ["", "its end was not heard"]
