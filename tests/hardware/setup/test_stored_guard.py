"""Nothing that servos kept is lost without a word."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from so_arm.core.errors import UserError
from so_arm.hardware.feetech.bus import FeetechBus
from so_arm.hardware.feetech.errors import ServoTimeout
from so_arm.hardware.feetech.stored_calibration import Stored
from so_arm.hardware.setup import stored_guard
from so_arm.hardware.setup.stored_guard import StoredGuard

OLD, NEW = Stored(3, 700, 3000), Stored(4, 800, 3100)


class _Servos:
    """Stands in for the registers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.kept = {1: OLD, 2: OLD}
        self.deaf: set[int] = set()
        monkeypatch.setattr(stored_guard, "read_stored", lambda bus, servo_id: self.kept[servo_id])
        monkeypatch.setattr(stored_guard, "write_stored", self._write)

    def _write(self, bus: FeetechBus, servo_id: int, stored: Stored) -> None:
        if servo_id in self.deaf:
            raise ServoTimeout(servo_id, "no answer")
        self.kept[servo_id] = stored


@pytest.fixture
def servos(monkeypatch: pytest.MonkeyPatch) -> _Servos:
    return _Servos(monkeypatch)


@pytest.fixture
def guard() -> StoredGuard:
    bus = FeetechBus("/nowhere")
    bus.link.listen = lambda quiet_s: []  # type: ignore[method-assign]
    return StoredGuard(bus, (1, 2))


def test_what_was_accepted_stays(servos: _Servos, guard: StoredGuard):
    with guard:
        guard.write(2, NEW)
        guard.accept()
    assert servos.kept == {1: OLD, 2: NEW} and not guard.taken_back


def test_what_was_not_accepted_is_taken_back(servos: _Servos, guard: StoredGuard):
    with guard:
        guard.write(2, NEW)
    assert servos.kept == {1: OLD, 2: OLD} and guard.taken_back


def test_nothing_touched_nothing_taken_back(servos: _Servos, guard: StoredGuard):
    with pytest.raises(ZeroDivisionError), guard:
        raise ZeroDivisionError
    assert not guard.taken_back


def test_a_second_interrupt_does_not_keep_the_bad_news_back(servos: _Servos, guard: StoredGuard, monkeypatch):
    @contextmanager
    def impatient() -> Iterator[None]:
        yield
        raise KeyboardInterrupt

    monkeypatch.setattr(stored_guard, "uninterrupted", impatient)
    told = r"what the servos kept before could not be written back \(servo 1: offset 3, range 700..3000\)"
    with pytest.raises(UserError, match=told), guard:
        guard.write(1, NEW)
        guard.write(2, NEW)
        servos.deaf.add(1)
        raise KeyboardInterrupt
    assert servos.kept == {1: NEW, 2: OLD} and not guard.taken_back
