"""The servo bus of a verb: opened, closed, and its errors told in one line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from so_arm.core.errors import UserError

if TYPE_CHECKING:
    from so_arm.hardware.feetech.bus import FeetechBus


@contextmanager
def arm_bus(port: str, ids: Sequence[int] | None = None) -> Iterator[FeetechBus]:
    """The open bus, patient with late answers; `ids` default to those of an arm."""
    from so_arm.hardware.feetech.bus import ARM_IDS, FeetechBus
    from so_arm.hardware.feetech.errors import BusError
    from so_arm.hardware.setup.ports import PATIENCE_S

    try:
        with FeetechBus(port, ids or ARM_IDS, margin_s=PATIENCE_S) as bus:
            yield bus
    except BusError as error:
        raise UserError(f"{error} (so-arm check tells more)" if _is_servo(error) else str(error)) from error


def _is_servo(error: Exception) -> bool:
    from so_arm.hardware.feetech.errors import ServoError

    return isinstance(error, ServoError)
