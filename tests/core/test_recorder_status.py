from __future__ import annotations

import pytest

from so_arm.core.errors import UserError
from so_arm.core.recorder_status import IDLE, RecorderStatus, counts_from_text, counts_to_text

STATUS = RecorderStatus(IDLE, saved=2, episode="e2", result="cut: no image", rows=7, dataset="/d", problem="")


def test_a_status_survives_as_text_beside_the_counts():
    texts = STATUS.to_text() | {"follower/joint_states": "received 3"}
    assert RecorderStatus.from_text(IDLE, texts) == STATUS


def test_what_is_no_status_is_named():
    texts = STATUS.to_text()
    with pytest.raises(UserError, match="lacks the value 'rows'"):
        RecorderStatus.from_text(IDLE, {key: value for key, value in texts.items() if key != "rows"})
    with pytest.raises(UserError, match="unknown phase of the recorder 'asleep'"):
        RecorderStatus.from_text("asleep", texts)


def test_counts_survive_as_text_but_for_noughts():
    assert counts_to_text({"received": 90, "late": 0, "repeated": 2}) == "received 90, repeated 2"
    assert counts_from_text("received 90, repeated 2") == {"received": 90, "repeated": 2}
    assert counts_from_text(counts_to_text({"late": 0})) == {}
