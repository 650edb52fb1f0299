from __future__ import annotations

import pytest

from so_arm.core.errors import UserError
from so_arm.core.recording_session import Phase
from so_arm.core.session_status import SessionStatus

STATUS = SessionStatus(Phase.running, 2, 3, 1, True, "episode 2 of 3 runs", 1, "30 frames saved, success")


@pytest.mark.parametrize("automatic", [True, False])
def test_a_status_survives_as_text(automatic: bool):
    status = SessionStatus(**(vars(STATUS) | {"automatic": automatic}))
    assert SessionStatus.from_text("running", status.to_text()) == status


def test_what_is_no_status_is_named():
    texts = STATUS.to_text()
    with pytest.raises(UserError, match="lacks the value 'turns'"):
        SessionStatus.from_text("running", {name: text for name, text in texts.items() if name != "turns"})
    with pytest.raises(UserError, match="the recording's status: invalid literal"):
        SessionStatus.from_text("running", texts | {"saved": "some"})
    with pytest.raises(UserError, match="unknown phase of the recording 'asleep'; choose one of: done, homing"):
        SessionStatus.from_text("asleep", texts)
