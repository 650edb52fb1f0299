"""Camera streams in their own process: what they show, their faults, and that they end with us."""

from __future__ import annotations

import importlib
import os
import signal
import subprocess
import sys
import time
from urllib.request import urlopen

import cv2
import numpy as np
import pytest

from so_arm.core.errors import UserError
from so_arm.hardware.camera_faults import CameraFault, CameraFaultKind
from so_arm.hardware.stream_process import StreamProcess

pytestmark = pytest.mark.slow  # a process has to start

PATIENCE_S = 30.0


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """A module that the new process can import too."""
    (tmp_path / "sources_for_test.py").write_text(
        "from functools import partial\nimport numpy as np\nfrom so_arm.core.errors import UserError\n"
        "def grey(level):\n    return np.full((48, 64, 3), level, np.uint8)\n"
        "def two_cameras():\n    return {'left': partial(grey, 50), 'right': partial(grey, 200)}\n"
        "def broken():\n    raise UserError('no OpenGL here')\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("sources_for_test")
    sys.modules.pop("sources_for_test")


def still(url: str) -> np.ndarray:
    with urlopen(url.replace(".mjpg", ".jpg"), timeout=PATIENCE_S) as answer:
        return cv2.imdecode(np.frombuffer(answer.read(), np.uint8), cv2.IMREAD_COLOR)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_pictures_and_faults(sources):
    with StreamProcess(sources.two_cameras) as streams:
        assert abs(float(still(streams.urls["left"]).mean()) - 50) < 2
        assert abs(float(still(streams.urls["right"]).mean()) - 200) < 2
        streams.inject(CameraFault(CameraFaultKind.WRONG_SIZE, "left"))
        deadline = time.monotonic() + PATIENCE_S
        while still(streams.urls["left"]).shape[:2] != (24, 32):
            assert time.monotonic() < deadline
        streams.clear()
        with pytest.raises(UserError, match="unknown camera 'front'"):
            streams.inject(CameraFault(CameraFaultKind.STALL, "front"))
        process = streams._process.pid
        assert streams.failure is None
    assert not alive(process)


def test_what_goes_wrong_is_said(sources):
    with pytest.raises(UserError, match="no OpenGL here"):
        StreamProcess(sources.broken).start()
    with StreamProcess(sources.two_cameras) as streams:
        os.kill(streams._process.pid, signal.SIGKILL)
        deadline = time.monotonic() + PATIENCE_S
        while streams.failure is None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        assert "died" in streams.failure


def test_it_ends_with_a_parent_that_is_killed(tmp_path):
    program = tmp_path / "parent.py"
    program.write_text(
        "import time\nfrom so_arm.hardware.stream_process import StreamProcess\n"
        "def none():\n    return {}\n"
        "if __name__ == '__main__':\n"
        "    streams = StreamProcess(none).start()\n    print(streams._process.pid, flush=True)\n    time.sleep(600)\n"
    )
    parent = subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    assert alive(child)
    parent.kill()
    parent.communicate()
    deadline = time.monotonic() + PATIENCE_S
    while alive(child):
        assert time.monotonic() < deadline
        time.sleep(0.02)
