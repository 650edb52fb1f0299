"""Node processes for tests: started in their own group, always ended, their output kept for the failure message."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from so_arm.core.paths import share_dir

FAKE_POLICY = Path(__file__).with_name("fake_policy.py")
FAKE_RESIDUAL = Path(__file__).with_name("fake_residual.py")
#: Generous: many things may run on the machine that tests.
PATIENCE_S = 240.0


def ros_env(domain: int) -> dict[str, str]:
    env = os.environ | {
        "ROS_DOMAIN_ID": str(domain),
        "AMENT_PREFIX_PATH": sys.prefix,
        "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST",
        "OMP_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
        "FASTRTPS_DEFAULT_PROFILES_FILE": str(share_dir() / "launch" / "fastdds.xml"),
    }
    env.pop("DISPLAY", None)
    env.pop("WAYLAND_DISPLAY", None)
    return env


class NodeProcess:
    """One node. `parameters` are passed as ``-p name:=value``; `script` instead of the module of that name."""

    def __init__(self, name: str, domain: int, log: Path, script: Path | None = None, **parameters: object) -> None:
        program = [str(script)] if script else ["-m", f"so_arm.nodes.{name}"]
        arguments = [f"{key}:={_text(value)}" for key, value in parameters.items()]
        ros = ["--ros-args", *(word for argument in arguments for word in ("-p", argument))] if arguments else []
        self.name = name
        self._log = log / f"{name}-{time.monotonic_ns()}.log"
        with self._log.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, *program, *ros],
                env=ros_env(domain),
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def output(self) -> str:
        return self._log.read_text()

    def wait_for(self, text: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.output:
            assert self._process.poll() is None, f"{self.name} ended ({self._process.returncode}):\n{self.output}"
            assert time.monotonic() < deadline, f"{self.name} never said '{text}':\n{self.output}"
            time.sleep(0.02)

    def wait(self) -> int:
        """Exit code of a node that is expected to end by itself."""
        try:
            return self._process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not end:\n{self.output}") from None

    def signal(self, number: signal.Signals) -> None:
        """To the process group, as a terminal does it."""
        os.killpg(self._process.pid, number)

    def interrupt(self) -> int:
        """Ctrl-C; returns the exit code. Fails when anything of the process group is left."""
        os.killpg(self._process.pid, signal.SIGINT)
        code = self.wait()
        try:
            os.killpg(self._process.pid, 0)
        except ProcessLookupError:
            return code
        self.kill()
        raise AssertionError(f"{self.name} left a process behind")

    def kill(self) -> None:
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
