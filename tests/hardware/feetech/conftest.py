from collections.abc import Iterator

import pytest

from so_arm.hardware.feetech.emulator import Emulator


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """Six servos that answer at once."""
    with Emulator(wire_time=False) as emulator:
        yield emulator
