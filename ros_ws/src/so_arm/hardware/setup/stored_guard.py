"""The servos keep what they had before, unless the change went through to its end."""

from __future__ import annotations

from collections.abc import Iterable
from types import TracebackType

from so_arm.core.errors import UserError
from so_arm.core.interrupt import uninterrupted
from so_arm.hardware.feetech.bus import FeetechBus
from so_arm.hardware.feetech.errors import BusError
from so_arm.hardware.feetech.link import SETTLE_S
from so_arm.hardware.feetech.stored_calibration import Stored, read_stored, write_stored


class StoredGuard:
    """Reads offsets and limits of the servos `ids` at entry; leaving without `accept` writes them back.

    before: by id what they were. UserError that tells them when they cannot be written back.
    """

    def __init__(self, bus: FeetechBus, ids: Iterable[int]) -> None:
        self._bus, self._ids = bus, tuple(ids)
        self.before: dict[int, Stored] = {}
        self._touched: list[int] = []
        self._accepted = False
        self.taken_back = False  #: something had been written, and leaving undid it

    def __enter__(self) -> StoredGuard:
        self.before = {servo_id: read_stored(self._bus, servo_id) for servo_id in self._ids}
        return self

    def write(self, servo_id: int, stored: Stored) -> None:
        if servo_id not in self._touched:
            self._touched.append(servo_id)
        write_stored(self._bus, servo_id, stored)

    def accept(self) -> None:
        """What was written stays."""
        self._accepted = True

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not self._touched or self._accepted:
            return
        lost: list[int] = []
        try:
            with uninterrupted():
                lost += [servo_id for servo_id in self._touched if not self._restore(servo_id)]
        finally:  # a second Ctrl-C does not keep the bad news back
            self.taken_back = not lost
            if lost:
                raise UserError(self._told(lost, error)) from error

    def _told(self, lost: list[int], error: BaseException | None) -> str:
        held = "; ".join(f"servo {servo_id}: {self.before[servo_id]}" for servo_id in lost)
        cause = f"{error}; " if isinstance(error, BusError | UserError) else ""
        return (
            f"{cause}what the servos kept before could not be written back ({held}); "
            "calibrate again, or write a calibration file with: so-arm calibrate --write FILE"
        )

    def _restore(self, servo_id: int) -> bool:
        try:
            self._bus.link.listen(SETTLE_S)  # the answer to a request that was cut short
            write_stored(self._bus, servo_id, self.before[servo_id])
        except BusError:
            return False
        return True
