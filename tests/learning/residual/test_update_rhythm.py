"""Update-to-data ratios are kept exactly, or refused with those that can be."""

from __future__ import annotations

import pytest

from so_arm.core.errors import UserError
from so_arm.learning.residual.update_rhythm import update_rhythm


@pytest.mark.parametrize(
    ("ratio", "ticks", "updates"),
    [(0.3, 10, 3), (0.2, 5, 1), (1.0, 1, 1), (1 / 3, 3, 1), (2.5, 2, 5), (0.01, 100, 1), (20.0, 1, 20), (0.7, 10, 7)],
)
def test_ratios_of_whole_numbers(ratio: float, ticks: int, updates: int) -> None:
    assert update_rhythm(ratio) == (ticks, updates)


@pytest.mark.parametrize(
    ("ratio", "nearest"),
    [(0.3333, "0.33 and 0.3333333333333333"), (0.001, "0.01"), (1.999, "1.99 and 2.0"), (3.14159, "3.141")],
)
def test_the_nearest_are_named_and_can_be_asked_for(ratio: float, nearest: str) -> None:
    with pytest.raises(UserError, match=f"updates_per_step is {ratio}, .*; nearest: {nearest}") as told:
        update_rhythm(ratio)
    for word in str(told.value).split("nearest: ")[1].split(" and "):
        update_rhythm(float(word))
