import os
import signal
import subprocess
import sys
import time

import pytest

from so_arm.launcher.background import reporting, running

SLEEPER = [sys.executable, "-c", "import time; time.sleep(60)"]
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


REPORTER = "import sys; print('ready', flush=True); sys.stdin.read(); print('{\"found\": 3}')"


def test_a_reporting_process_tells_what_it_found_when_asked():
    with reporting([sys.executable, "-c", REPORTER], os.environ) as finish:
        assert finish() == {"found": 3}


def test_a_process_that_does_not_begin_is_an_error_and_does_not_stay():
    with pytest.raises(RuntimeError, match="did not begin"), reporting([sys.executable, "-c", "0"], os.environ):
        raise AssertionError


def test_an_error_in_the_block_ends_a_reporting_process(tmp_path):
    late = f"import sys; print('ready', flush=True); sys.stdin.read(); open({str(tmp_path / 'ended')!r}, 'w').close()"
    with pytest.raises(KeyboardInterrupt), reporting([sys.executable, "-c", late], os.environ):
        raise KeyboardInterrupt


def test_a_process_that_ends_before_its_time_is_an_error():
    command = [sys.executable, "-c", "print('ready', flush=True)"]
    with pytest.raises(RuntimeError, match="before its time"), reporting(command, os.environ) as finish:
        finish()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("start", [lambda command: running([command], os.environ), lambda c: reporting(c, os.environ)])
def test_a_signal_at_the_moment_of_the_start_leaves_nothing_behind(number, start, monkeypatch):
    """Found by Ctrl-C on a benchmark between the start of a node and the line that remembers it."""
    processes = []

    class Interrupted(subprocess.Popen):
        def __init__(self, *arguments, **options):
            super().__init__(*arguments, **options)
            processes.append(self)
            os.kill(os.getpid(), number)

    def end(*_):
        raise SystemExit(128)

    before = signal.signal(signal.SIGTERM, end)
    try:
        monkeypatch.setattr(subprocess, "Popen", Interrupted)
        with pytest.raises((KeyboardInterrupt, SystemExit)), start(SLEEPER):
            raise AssertionError
    finally:
        signal.signal(signal.SIGTERM, before)
    assert [process.returncode is not None for process in processes] == [True]
