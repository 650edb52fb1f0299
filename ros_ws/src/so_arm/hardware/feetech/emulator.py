"""A serial port with servos behind it: a pseudo-terminal that answers byte by byte like the real chain.

Answers come when a real wire would have carried them: each byte takes its time at the baud rate of the port, and
each servo waits its return delay. A host that talks at another rate than a servo is not understood by it.
"""

from __future__ import annotations

import fcntl
import heapq
import itertools
import os
import select
import struct
import tempfile
import threading
import time
import tty
from collections import Counter, deque
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from so_arm.core.clock import date_of
from so_arm.hardware.feetech.chain import Reply, ServoChain
from so_arm.hardware.feetech.faults import Fault, FaultBox, FaultKind
from so_arm.hardware.feetech.packets import Packet, StreamParser, wire_time_s
from so_arm.hardware.feetech.plant import FirstOrderPlant, Plant
from so_arm.hardware.feetech.port_name import PortName
from so_arm.hardware.feetech.servo import Servo
from so_arm.hardware.punctual import SERVOS_PRIORITY, keep_time

#: How long a process with an emulator in it may let one Python thread keep the others waiting [s], for
#: `sys.setswitchinterval`: the servos answer within microseconds.
SWITCH_INTERVAL_S = 0.0002
#: A packet that stops in the middle is forgotten after that.
_GAP_S = 0.01
#: Sleeping ends that much too late at times; the rest is spent looking at the clock.
_SLEEP_SLACK_S = 0.00008
#: Physics waits when an answer is due that soon, and leaves so much time out when it is that far behind: three ticks of
#: control, which whoever counts them goes on with in step.
_PHYSICS_ROOM_S, _LONGEST_LAG_S = 0.0004, 0.1

_TCGETS2 = 0x802C542A
_TERMIOS2 = struct.Struct("4I20B2I")


class Emulator:
    """Servos 1 to 6 with a first-order plant, or `servos` with the plant that moves them in that order.

    path: where the port appears (a link that is gone while unplugged; another emulator's is refused); without it in a
    new temporary folder.
    wire_time: False answers at once. script: faults with their times. on_request: called with every packet heard.
    """

    def __init__(
        self,
        servos: Sequence[Servo] | None = None,
        plant: Plant | None = None,
        path: Path | None = None,
        wire_time: bool = True,
        script: Sequence[Fault] = (),
        seed: int = 0,
        physics_period_s: float = 0.002,
        on_request: Callable[[Packet], None] | None = None,
    ) -> None:
        self.servos = list(servos) if servos is not None else [Servo(servo_id) for servo_id in range(1, 7)]
        self.path = path or Path(tempfile.mkdtemp(prefix="so_arm_servos_")) / "port"
        self.counts: Counter[str] = Counter()
        self.lock = threading.RLock()  #: hold it to look at or change `servos` while the emulator runs
        self._own_folder = path is None
        self._name = PortName(self.path)
        self._chain = ServoChain(self.servos, plant or FirstOrderPlant(np.array([s.shaft for s in self.servos])))
        self._faults = FaultBox(self.servos, seed)
        self._script = deque(sorted(script, key=lambda fault: fault.at_s))
        self._wire_time, self._period_s, self._on_request = wire_time, physics_period_s, on_request
        self._parser = StreamParser()
        self._outgoing: list[tuple[float, int, bytes]] = []
        self._order = itertools.count()
        self._wire_free_s = self._last_byte_s = 0.0
        self._master = self._slave = -1
        self._wake_read, self._wake_write = os.pipe()
        self._stopping = False
        self._start_s = self._physics_s = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="servos", daemon=True)

    def __enter__(self) -> Emulator:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Emulator:
        self._name.claim()
        self._start_s = self._physics_s = time.monotonic()
        self._plug()
        self._thread.start()
        return self

    def stop(self) -> None:
        self._stopping = True
        self._wake()
        self._thread.join()
        self._unplug()
        self._name.release()
        os.close(self._wake_read)
        os.close(self._wake_write)
        if self._own_folder:
            self.path.parent.rmdir()

    def servo(self, servo_id: int) -> Servo:
        """The first servo with that id now."""
        return next(servo for servo in self.servos if servo.id == servo_id)

    def date_ns(self) -> int:
        """How far physics has come, the step that the plant is asked for included; it never goes back.

        Behind `core.clock.date_ns` by what physics has still to catch up with.
        """
        return date_of(round(self._physics_s * 1e9))

    def inject(self, fault: Fault) -> None:
        """Starts a fault now."""
        with self.lock:
            self._faults.start(fault, time.monotonic())
        self._wake()

    def clear(self, kind: FaultKind | None = None) -> None:
        """Ends all faults, or those of one kind."""
        with self.lock:
            self._faults.end(kind=kind)
        self._wake()

    # --- the port ---------------------------------------------------------------------------------------------

    def _plug(self) -> None:
        self._master, self._slave = os.openpty()
        # Held open, so that the host may come and go.
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self._name.show(os.ttyname(self._slave))

    def _unplug(self) -> None:
        if self._master < 0:
            return
        self._name.hide()
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = -1
        self._outgoing.clear()
        self._parser.clear()

    def _baud(self) -> int:
        """The rate that the host set on the port, any number."""
        settings = fcntl.ioctl(self._slave, _TCGETS2, bytes(_TERMIOS2.size))
        return int(_TERMIOS2.unpack(settings)[-1])

    def _wake(self) -> None:
        os.write(self._wake_write, b"x")

    # --- the thread -------------------------------------------------------------------------------------------

    def _run(self) -> None:
        keep_time(SERVOS_PRIORITY)
        while not self._stopping:
            with self.lock:
                self._follow_faults()
                self._move()
            heard_s = self._wait()
            self._send_due()
            if self._master >= 0:
                self._hear(heard_s)

    def _follow_faults(self) -> None:
        now = time.monotonic()
        while self._script and self._script[0].at_s <= now - self._start_s:
            self._faults.start(self._script.popleft(), now)
        self._faults.end(now)
        if self._faults.unplugged and self._master >= 0:
            self._unplug()
        elif not self._faults.unplugged and self._master < 0:
            self._plug()

    def _move(self) -> None:
        now = time.monotonic()
        if now - self._physics_s > _LONGEST_LAG_S:
            self.counts["physics_lags"] += 1
            self._physics_s += _LONGEST_LAG_S * ((now - self._physics_s) // _LONGEST_LAG_S)
        if self._physics_due_s() <= now and (not self._outgoing or self._room_s(now) > _PHYSICS_ROOM_S):
            self._physics_s += self._period_s
            self._chain.advance(self._period_s)

    def _physics_due_s(self) -> float:
        # While no answer is under way the next request may come any moment: physics rather runs during the answers.
        return self._physics_s + self._period_s * (1 if self._outgoing else 2)

    def _room_s(self, now: float) -> float:
        # All but the last answer may be a little late: nobody can use them before it.
        return max(self._outgoing)[0] - now

    def _wait(self) -> float | None:
        """Until a byte comes, or an answer or physics is due; returns when a byte came."""
        until = self._physics_due_s()
        if self._outgoing:
            until = min(until, self._outgoing[0][0]) if len(self._outgoing) > 1 else self._outgoing[0][0]
        last = len(self._outgoing) == 1
        left_s = until - time.monotonic() - (_SLEEP_SLACK_S if last else 0.0)
        ports = [port for port in (self._wake_read, self._master) if port >= 0]
        ready = select.select(ports, (), (), max(0.0, left_s))[0]
        heard_s = time.monotonic() if self._master in ready else None
        if self._wake_read in ready:
            os.read(self._wake_read, 4096)
        while last and 0 < self._outgoing[0][0] - time.monotonic() <= _SLEEP_SLACK_S:
            pass
        return heard_s

    def _send_due(self) -> None:
        now = time.monotonic()
        while self._outgoing and self._outgoing[0][0] <= now:
            data = heapq.heappop(self._outgoing)[2]
            try:
                os.write(self._master, data)
            except BlockingIOError:
                self.counts["overruns"] += 1

    def _hear(self, heard_s: float | None) -> None:
        try:
            data = os.read(self._master, 4096)
        except BlockingIOError:
            return
        now, baud = heard_s or time.monotonic(), self._baud()
        if now - self._last_byte_s > _GAP_S:
            self._parser.clear()
        self._last_byte_s = now
        self._wire_free_s = max(self._wire_free_s, now) + self._on_wire_s(len(data), baud)
        with self.lock:
            for packet in self._parser.feed(data):
                self.counts["requests"] += 1
                if self._on_request is not None:
                    self._on_request(packet)
                if not self._faults.lose_request():
                    self._queue(self._chain.handle(packet, baud), baud)

    def _queue(self, replies: list[Reply], baud: int) -> None:
        for reply in replies:
            self._wire_free_s += reply.gap_s
            self._wire_free_s += self._on_wire_s(len(reply.data) or reply.silent_bytes, baud)
            delay_s, data = self._faults.damage(reply.servo_id, reply.data)
            if data:
                heapq.heappush(self._outgoing, (self._wire_free_s + delay_s, next(self._order), data))

    def _on_wire_s(self, count: int, baud: int) -> float:
        return wire_time_s(count, baud) if self._wire_time and baud else 0.0
