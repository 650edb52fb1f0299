import numpy as np
import pytest

from so_arm.core.errors import UserError
from so_arm.sim import rendering
from so_arm.sim.env import SoArmEnv
from so_arm.sim.replay_render import render_frames

pytestmark = pytest.mark.gl


def test_lazy_image_has_the_pixels_of_the_observation():
    eager, lazy = SoArmEnv(images=True), SoArmEnv()
    observation, _ = eager.reset(seed=1)
    lazy.reset(seed=1)
    for camera in rendering.CAMERAS:
        assert observation[camera].shape == (*rendering.POLICY_IMAGE_SIZE, 3)
        assert np.array_equal(observation[camera], lazy.camera_image(camera))
    assert eager.observation_space.contains(observation)


def test_both_cameras_see_the_red_cube_and_the_green_target():
    seen = {camera: [] for camera in rendering.CAMERAS}
    env = SoArmEnv(images=True)
    for seed in range(20):
        observation, _ = env.reset(seed=seed)
        for camera in rendering.CAMERAS:
            r, g, b = (observation[camera][..., i].astype(int) for i in range(3))
            seen[camera].append([((r > 120) & (g < 60) & (b < 60)).sum(), ((g > 100) & (r < 90) & (b < 110)).sum()])
    assert (np.array(seen["static"]) > 0).all()  # always
    assert (np.array(seen["wrist"]) > 0).mean() > 0.8  # the gripper hides a few


def test_replay_draws_what_the_run_showed():
    env = SoArmEnv(images=True, randomisation="full")
    observation, _ = env.reset(seed=2)
    (frame,) = render_frames(
        "pick_place", env.snapshot()[None], rendering.POLICY_IMAGE_SIZE, seed=2, randomisation="full"
    )
    assert np.array_equal(frame[0], observation["static"])
    assert np.array_equal(frame[1], observation["wrist"])


def test_missing_gl_names_the_packages(monkeypatch):
    def broken(*_):
        raise RuntimeError("no EGL")

    monkeypatch.setattr(rendering.mujoco, "Renderer", broken)
    env = SoArmEnv()
    env.reset(seed=0)
    with pytest.raises(UserError, match="libegl1 libgl1-mesa-dri libosmesa6"):
        env.camera_image("static")
