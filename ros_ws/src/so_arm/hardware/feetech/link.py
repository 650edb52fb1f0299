"""Requests and their answers on one port: who answered what, who did not, and whose answer was damaged."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence

from so_arm.hardware.feetech import registers as reg
from so_arm.hardware.feetech.errors import CorruptAnswer, PortError, ServoError, ServoTimeout
from so_arm.hardware.feetech.packets import OVERHEAD, Packet, StreamParser, wire_time_s
from so_arm.hardware.feetech.port import SerialPort

#: Longest delay that a servo can be set to before it answers.
MAX_RETURN_DELAY_S = 254 * reg.RETURN_DELAY_S
#: Late answers to state requests are told by their length, so they are read in full.
LONGEST_STATE = reg.TABLE_SIZE - reg.PRESENT_POSITION.address
#: After a lost answer to a single request the line must be silent that long, so that a late one cannot be
#: taken for the answer to the next request.
SETTLE_S = 0.05


class Link:
    """One request at a time. `margin_s`: how much later than on the wire an answer may come (adapter, scheduler)."""

    def __init__(self, path: str, baud: int, margin_s: float) -> None:
        self.path = path
        self.baud = baud
        self.margin_s = margin_s
        self.counts: Counter[str] = Counter()
        self._port: SerialPort | None = None
        self._parser = StreamParser()
        self._damaged: set[int] = set()

    @property
    def port(self) -> SerialPort:
        if self._port is None:
            raise PortError(f"{self.path} is not open")
        return self._port

    @property
    def is_open(self) -> bool:
        return self._port is not None

    def open(self) -> None:
        """Opens the port, also again after it was lost; PortError says why not."""
        self.close()
        self._port = SerialPort(self.path, self.baud)

    def close(self) -> None:
        if self._port is not None:
            self._port.close()
            self._port = None

    def set_baud(self, baud: int) -> None:
        self.port.baud = baud
        self.baud = baud

    def send(self, request: bytes) -> None:
        """Sends a request that nobody answers."""
        self.port.send(request)

    def ask(
        self,
        request: bytes,
        ids: Sequence[int],
        params: int,
        on_answer: Callable[[Packet], None] | None = None,
        latest_s: float = math.inf,
    ) -> dict[int, Packet]:
        """Sends `request` and returns the answers with `params` parameters, by id; those in `ids` are waited for, but
        not beyond `latest_s` (time.monotonic).

        Answers of another length belong to an earlier request and are dropped. Who is missing is told by `why`.
        on_answer: hears of each answer as it comes; one that is not returned in the end turned out damaged.
        """
        port, parser = self.port, self._parser
        parser.clear()
        parser.max_params = max(params, LONGEST_STATE)
        self._damaged.clear()
        port.discard_input()
        port.send(request)
        answers: dict[int, Packet] = {}
        # Renewed with every byte: servos answer one after the other.
        patience_s = wire_time_s(OVERHEAD + params, self.baud) + MAX_RETURN_DELAY_S + self.margin_s
        deadline = time.monotonic() + wire_time_s(len(request), self.baud) + patience_s
        last_deadline = min(deadline + len(ids) * patience_s, latest_s)
        while ids[-1] not in answers:
            left_s = min(deadline, last_deadline) - time.monotonic()
            # Even when this thread was kept from running past the deadline, what has come by then counts.
            data = port.receive(left_s)
            self._take(parser.feed(data), ids, params, answers, on_answer)
            if left_s <= 0:
                break
            if data:
                deadline = time.monotonic() + patience_s
        if len(answers) < len(ids):
            self._take(parser.give_up_waiting(), ids, params, answers, on_answer)
        if len(ids) == 1 and parser.skipped and ids[0] not in answers:
            # Too damaged to read whose it is, but only one was asked.
            self._damaged.add(ids[0])
        if parser.corrupt:
            self._damaged.update(parser.corrupt)
            self.counts["damaged_packets"] += len(parser.corrupt)
        for servo_id in self._damaged & answers.keys():
            # One answer too many, intact or not: nobody can tell which of them is true.
            del answers[servo_id]
        return answers

    def why(self, servo_id: int) -> ServoError:
        """The error of a servo that has no answer in the last `ask`."""
        if servo_id in self._damaged:
            return CorruptAnswer(servo_id, "answer is damaged (bad contact, or two servos with this id)")
        return ServoTimeout(servo_id, "no answer (cable, power, id or baud rate)")

    def ask_one(self, request: bytes, servo_id: int, params: int, tries: int) -> Packet:
        """The answer of one servo, asked up to `tries` times; ServoTimeout or CorruptAnswer when there is none."""
        for _ in range(tries):
            answers = self.ask(request, (servo_id,), params)
            if servo_id in answers:
                return answers[servo_id]
            error = self.why(servo_id)
            self.counts["lost_answers"] += 1
            self.listen(SETTLE_S)
        raise error

    def listen(self, quiet_s: float) -> list[Packet]:
        """Everything that comes until the line was silent for `quiet_s`; at most ten times as long."""
        self._parser.clear()
        found: list[Packet] = []
        end = time.monotonic() + 10 * quiet_s
        while (data := self.port.receive(quiet_s)) and time.monotonic() < end:
            found += self._parser.feed(data)
        self._damaged = set(self._parser.corrupt)
        return found

    @property
    def damaged(self) -> frozenset[int]:
        """Ids of damaged answers in the last `ask` or `listen`, as far as readable."""
        return frozenset(self._damaged)

    @property
    def noise(self) -> int:
        """Bytes of the last `ask` or `listen` that were no packet."""
        return self._parser.skipped + len(self._parser)

    def _take(
        self,
        packets: list[Packet],
        ids: Sequence[int],
        params: int,
        answers: dict[int, Packet],
        on_answer: Callable[[Packet], None] | None,
    ) -> None:
        for packet in packets:
            if packet.id not in ids or len(packet.params) != params:
                self.counts["late_or_stray_answers"] += 1
            elif packet.id in answers:
                self._damaged.add(packet.id)
            else:
                answers[packet.id] = packet
                if on_answer is not None:
                    on_answer(packet)
