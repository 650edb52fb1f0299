"""Every test run has a ROS domain of its own, so that runs side by side on one machine do not hear each other."""

from __future__ import annotations

import fcntl
import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

DOMAINS = range(20, 100)


@pytest.fixture(scope="session", autouse=True)
def ros_domain() -> Iterator[int]:
    """The domain, also in the environment; held by a lock until the run ends."""
    first = os.getpid() % len(DOMAINS)
    for domain in (*DOMAINS[first:], *DOMAINS[:first]):
        with suppress(OSError), (Path(tempfile.gettempdir()) / f"so_arm_test_domain_{domain}").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("ROS_DOMAIN_ID", str(domain))
                patch.setenv("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
                yield domain
            return
    raise RuntimeError(f"no free ROS domain in {DOMAINS}")
