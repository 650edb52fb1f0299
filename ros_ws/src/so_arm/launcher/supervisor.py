"""Keeps the processes of a launch: starts, watches, respawns and ends them, and leaves none behind."""

from __future__ import annotations

import selectors
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from so_arm.core.errors import UserError
from so_arm.launcher import watchdog
from so_arm.launcher.child import Child
from so_arm.launcher.output import Output
from so_arm.launcher.process import Plan, ProcessSpec

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_TICK_S = 0.1


@dataclass
class _Slot:
    """A process of the plan over all its lives."""

    spec: ProcessSpec
    child: Child | None = None
    respawns: int = 0
    respawn_at: float | None = None


class Supervisor:
    """Use `run` for the whole launch in this thread; or `start`, `step` until it is False, and `close`."""

    def __init__(self, plan: Plan, output: Output, scratch: Path) -> None:
        """scratch: folder of the plan's files. The caller removes it; when the caller is killed, the watchdog does."""
        self.output = output
        self.scratch = scratch
        self.messages = plan.messages
        self.slots = [_Slot(spec) for spec in plan.processes]
        self.stopping = False
        self.failure = 0  # exit code of the first process that failed by itself
        self._signals: list[int] = []
        self._signals_obeyed = 0
        self._selector = selectors.DefaultSelector()
        self._watchdog: subprocess.Popen[bytes] | None = None

    def run(self) -> int:
        """Launch until every process has ended; SIGINT, SIGTERM and SIGHUP end them. Returns an exit code."""
        handlers = {number: signal.signal(number, self._on_signal) for number in STOP_SIGNALS}
        try:
            self.start()
            while self.step():
                pass
        finally:
            self.close()
            for number, handler in handlers.items():
                signal.signal(number, handler)
        return 128 + self._signals[0] if self._signals else self.failure

    def start(self) -> None:
        self._watchdog = self._start_watchdog()
        for message in self.messages:
            self.output.note(message)
        for slot in self.slots:
            if not self._signals:
                self._start(slot)

    def step(self, timeout_s: float = _TICK_S) -> bool:
        """Pass output on for up to `timeout_s` and see to the processes; False when all is over."""
        for key, _ in self._selector.select(timeout_s):
            if not key.data.read():
                self._selector.unregister(key.fileobj)
        self._obey_signals()
        for slot in self.slots:
            self._see_to(slot)
        return any(slot.child is not None or slot.respawn_at is not None for slot in self.slots)

    def stop(self) -> None:
        """Begin the shutdown of every process; called again, take the next harder signal at once."""
        self.stopping = True
        for slot in self.slots:
            slot.respawn_at = None
            if slot.child is not None:
                slot.child.stop()

    def close(self) -> None:
        """End whatever still runs, step by step, and release everything."""
        if any(slot.child is not None for slot in self.slots) and not self.stopping:
            self.stop()
        while self.step():
            pass
        self._selector.close()
        self._tell_watchdog(watchdog.ALL_IS_WELL)
        if self._watchdog is not None and self._watchdog.stdin is not None:
            self._watchdog.stdin.close()
            self._watchdog.wait()
        self.output.close()

    def _start(self, slot: _Slot) -> None:
        slot.respawn_at = None
        slot.child = Child(slot.spec, self.output)
        self._tell_watchdog(f"+{slot.child.group}")
        for reader in slot.child.readers:
            self._selector.register(reader.pipe, selectors.EVENT_READ, reader)
        self.output.note(f"process started with pid [{slot.child.process.pid}]", slot.spec.label)

    def _see_to(self, slot: _Slot) -> None:
        if slot.child is not None:
            code = slot.child.ended()
            if code is not None:
                self._bury(slot, slot.child, code)
            elif sent := slot.child.escalate():
                self.output.error(f"process still runs, sending {sent.name}", slot.spec.label)
        elif slot.respawn_at is not None and time.monotonic() >= slot.respawn_at:
            try:
                self._start(slot)
            except UserError as error:
                self.output.error(str(error), slot.spec.label)
                self.failure = self.failure or 2

    def _bury(self, slot: _Slot, child: Child, code: int) -> None:
        for reader in child.readers:
            if reader.pipe in self._selector.get_map():
                self._selector.unregister(reader.pipe)
        child.bury()
        self._tell_watchdog(f"-{child.group}")
        slot.child = None
        self._report_end(slot.spec, child.process.pid, code)
        if self.stopping:
            return
        if slot.spec.shutdown_on_exit:
            self._note_failure(slot.spec, code)
            self.output.note(f"{slot.spec.label} has ended, shutting down")
            self.stop()
        elif slot.spec.respawn and slot.respawns != slot.spec.respawn_max_retries:
            slot.respawns += 1
            slot.respawn_at = time.monotonic() + slot.spec.respawn_delay_s
        else:
            self._note_failure(slot.spec, code)

    def _report_end(self, spec: ProcessSpec, pid: int, code: int) -> None:
        if code == 0:
            self.output.note(f"process has finished cleanly [pid {pid}]", spec.label)
        elif self.stopping:
            self.output.note(f"process has ended [pid {pid}, exit code {code}]", spec.label)
        else:
            self.output.error(f"process has died [pid {pid}, exit code {code}]", spec.label)

    def _note_failure(self, spec: ProcessSpec, code: int) -> None:
        if code != 0:
            self.output.last_words.died(spec.label, code)
        self.failure = self.failure or (128 - code if code < 0 else code)

    def _on_signal(self, number: int, _: FrameType | None) -> None:
        self._signals.append(number)

    def _obey_signals(self) -> None:
        if len(self._signals) > self._signals_obeyed:
            self._signals_obeyed = len(self._signals)
            self.output.note(f"got {signal.Signals(self._signals[-1]).name}, shutting down")
            self.stop()

    def _start_watchdog(self) -> subprocess.Popen[bytes]:
        specs = [slot.spec for slot in self.slots]
        times = (
            max((spec.sigterm_after_s for spec in specs), default=0.0),
            max((spec.sigkill_after_s for spec in specs), default=0.0),
        )
        command = [sys.executable, "-I", "-S", str(Path(watchdog.__file__)), *map(str, times), str(self.scratch)]
        nowhere = subprocess.DEVNULL  # it must not hold our output open when we are gone
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=nowhere, stderr=nowhere, start_new_session=True)

    def _tell_watchdog(self, line: str) -> None:
        if self._watchdog is not None and self._watchdog.stdin is not None:
            try:
                self._watchdog.stdin.write(f"{line}\n".encode())
                self._watchdog.stdin.flush()
            except BrokenPipeError:
                self.output.error("the watchdog process is gone; a crash of this runner would leave processes behind")
                self._watchdog = None
