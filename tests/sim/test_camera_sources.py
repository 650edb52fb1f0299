"""What the camera process draws is what the environment's cameras see."""

from __future__ import annotations

import threading

import numpy as np
import pytest

from so_arm.sim.camera_sources import camera_sources
from so_arm.sim.env import SoArmEnv
from so_arm.sim.rendering import CAMERAS
from so_arm.sim.snapshot_board import SnapshotBoard


@pytest.mark.gl
def test_pixels_are_those_of_the_environment():
    env = SoArmEnv()
    board = SnapshotBoard(len(env.snapshot()))
    sources = camera_sources(board, "pick_place", env.image_size)
    assert tuple(sources) == CAMERAS
    for seed in (0, 100_000):
        env.reset(seed=seed)
        board.write(env.arm.data.qpos, env.arm.data.mocap_pos[0])
        for camera, source in sources.items():
            assert np.array_equal(source(), env.camera_image(camera))
    env.close()


def test_a_snapshot_is_never_half_old_and_half_new():
    board = SnapshotBoard(40)
    stopping = threading.Event()

    def write() -> None:
        number = 0.0
        while not stopping.is_set():
            number += 1.0
            board.write(np.full(20, number), np.full(20, number))

    writer = threading.Thread(target=write)
    writer.start()
    seen = [board.read() for _ in range(2000)]
    stopping.set()
    writer.join()
    assert all((values == values[0]).all() for values in seen)
