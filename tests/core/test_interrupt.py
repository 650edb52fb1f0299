"""A deferred Ctrl-C is late, not lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading

import pytest

from so_arm.core.interrupt import uninterrupted


def test_ctrl_c_waits_for_the_end_of_the_block() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), uninterrupted():
        os.kill(os.getpid(), signal.SIGINT)
        done.append(True)
    assert done == [True]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_the_block_s_own_error_comes_first() -> None:
    with pytest.raises(ValueError, match="mine"), uninterrupted():
        os.kill(os.getpid(), signal.SIGINT)
        raise ValueError("mine")


def test_other_threads_may_use_it() -> None:
    done = []

    def work() -> None:
        with uninterrupted():
            done.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert done == [True]


def test_children_never_see_an_interrupt_that_comes_while_they_start():
    """A terminal sends Ctrl-C to all of them; the first process that multiprocessing starts is no exception."""
    code = (
        "import multiprocessing, os, signal, time\n"
        "from so_arm.core.interrupt import children_deaf_to_interrupt\n"
        "if __name__ == '__main__':\n"
        "    with children_deaf_to_interrupt():\n"
        "        process = multiprocessing.get_context('spawn').Process(target=time.sleep, args=(0.1,))\n"
        "        process.start()\n"
        "    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())\n"
        "    os.kill(process.pid, signal.SIGINT)\n"
        "    process.join()\n"
        "    raise SystemExit(process.exitcode)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
