import subprocess
import sys

import pytest

CODE = """
import os, signal, sys, time
sys.argv[0] = {program!r}
import so_arm.nodes
os.kill(os.getpid(), signal.SIGINT)
time.sleep(10)
"""


@pytest.mark.parametrize(
    ("program", "quiet"),
    [("/usr/bin/mujoco_bridge", True), ("-m", True), ("/usr/bin/pytest", False), ("tests/camera.py", False)],
)
def test_ctrl_c_during_an_import_ends_a_node_quietly_and_nothing_else(program: str, quiet: bool) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(program=program)], capture_output=True, text=True, check=False, timeout=60
    )
    assert (done.returncode == 0) is quiet
    assert ("KeyboardInterrupt" in done.stderr) is not quiet
