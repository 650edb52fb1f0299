from __future__ import annotations

import pytest

from so_arm.core.errors import UserError
from so_arm.core.paths import share_dir
from so_arm.data.bags.custom_data import custom_data


def test_what_is_given_is_kept():
    found = custom_data("pick_place", "arm7", str(share_dir() / "calibration" / "example_follower.json"))
    assert (found["task"], found["robot_id"], found["units"]) == ("pick_place", "arm7", "rad, rad/s, m, s")
    assert len(found["calibration_hash"]) == 64
    assert "task" not in custom_data("", "", "")
    with pytest.raises(UserError, match=r"nowhere\.json cannot be read"):
        custom_data("", "", "nowhere.json")
