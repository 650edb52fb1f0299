"""What a motor driver refuses to be told."""

from __future__ import annotations

from typing import Any

import pytest

from so_arm.core.errors import UserError
from so_arm.hardware.driver.settings import DriverSettings


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"baud": 57_600}, "unknown baud rate '57600'; choose one of: .*1000000"),
        ({"temperature_limit": 50.0}, "temperature_warning 55.0 must be less than temperature_limit 50.0"),
        ({"temperature_limit": 55.0}, "must be less"),
    ],
)
def test_settings_that_make_no_sense_are_refused(values: dict[str, Any], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        DriverSettings("port", **values)
