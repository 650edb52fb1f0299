"""One running process of a launch: its group, its output, its way down through SIGINT, SIGTERM and SIGKILL."""

from __future__ import annotations

import os
import signal
import subprocess
import time

from so_arm.core.errors import UserError
from so_arm.launcher.lines import LineReader
from so_arm.launcher.output import Output
from so_arm.launcher.process import ProcessSpec

_STAGES = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)


class Child:
    """A process in its own session: signals reach it and all it started, and a Ctrl-C reaches it only through us."""

    def __init__(self, spec: ProcessSpec, output: Output) -> None:
        try:
            self.process = subprocess.Popen(
                spec.command,
                cwd=spec.cwd,
                env=spec.environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            culprit = error.filename or spec.command[0]
            raise UserError(f"[{spec.label}] cannot start {culprit}: {error.strerror}") from error
        assert self.process.stdout is not None and self.process.stderr is not None
        self.readers = (
            LineReader(self.process.stdout, lambda line: output.stdout(spec, line)),
            LineReader(self.process.stderr, lambda line: output.stderr(spec, line)),
        )
        self._patience_s = (spec.sigterm_after_s, spec.sigkill_after_s, float("inf"))
        self._stage = -1  # index of the last signal sent
        self._next_stage_at = float("inf")

    @property
    def group(self) -> int:
        return self.process.pid

    def ended(self) -> int | None:
        """Exit code (minus the signal that ended it), None while it runs."""
        return self.process.poll()

    def stop(self) -> None:
        """Begin the way down, or take its next step at once when it has begun."""
        if self._stage + 1 < len(_STAGES):
            self._stage += 1
            self._signal(_STAGES[self._stage])
            self._next_stage_at = time.monotonic() + self._patience_s[self._stage]

    def escalate(self) -> signal.Signals | None:
        """Take the next step down when its time has come; the signal that was sent, if any."""
        if time.monotonic() < self._next_stage_at:
            return None
        self.stop()
        return _STAGES[self._stage]

    def bury(self) -> None:
        """End what the process left behind in its group, pass its last lines on, close the pipes."""
        self._signal(signal.SIGKILL)
        for reader in self.readers:
            reader.close()

    def _signal(self, number: signal.Signals) -> None:
        try:
            os.killpg(self.group, number)
        except ProcessLookupError:
            return
