"""A machine without an OpenGL library: physics works, rendering says what to install."""

import os
import subprocess
import sys

import pytest

WITHOUT_GL = """
import ctypes, sys
load = ctypes.CDLL
def cdll(name, *arguments, **keywords):
    if name and ("EGL" in str(name) or "OSMesa" in str(name)):
        raise OSError("hidden by the test")
    return load(name, *arguments, **keywords)
ctypes.CDLL = cdll
from so_arm.core.errors import UserError
from so_arm.sim.env import SoArmEnv
env = SoArmEnv()
env.reset(seed=0)
env.step(env.command)
try:
    env.camera_image("static")
except UserError as error:
    sys.exit(str(error))
"""


@pytest.mark.parametrize(
    ("wanted", "reason"),
    [
        (None, "neither libEGL nor libOSMesa is here"),
        ("egl", "MUJOCO_GL=egl, but libEGL.so.1 is not here"),
        ("osmesa", "MUJOCO_GL=osmesa, but libOSMesa.so.8 is not here"),
        ("nonsense", "MUJOCO_GL=nonsense is none of egl, osmesa, glfw, glx"),
    ],
)
def test_without_a_library_rendering_says_what_to_install(wanted, reason):
    environment = {name: value for name, value in os.environ.items() if name != "MUJOCO_GL"}
    if wanted is not None:
        environment["MUJOCO_GL"] = wanted
    done = subprocess.run([sys.executable, "-c", WITHOUT_GL], env=environment, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "Traceback" not in done.stderr
    assert "install libegl1 libgl1-mesa-dri libosmesa6" in done.stderr
    assert reason in done.stderr
