"""A deferred Ctrl-C is late, not lost."""

from __future__ import annotations

import os
import signal
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
