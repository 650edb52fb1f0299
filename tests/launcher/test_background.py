import os
import sys
import time

import pytest

from so_arm.launcher.background import running

STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); open({!r}, 'w').close(); time.sleep(60)"


def test_nothing_outlives_the_block(tmp_path, monkeypatch):
    monkeypatch.setattr("so_arm.launcher.background._PATIENCE_S", 0.2)
    marker = tmp_path / "up"
    begun = time.monotonic()
    with (
        pytest.raises(RuntimeError, match="in the block"),
        running([[sys.executable, "-c", STUBBORN.format(str(marker))]], os.environ),
    ):
        while not marker.exists():
            time.sleep(0.01)
        raise RuntimeError("in the block")
    assert time.monotonic() - begun < 20
