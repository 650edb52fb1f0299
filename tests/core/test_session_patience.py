from __future__ import annotations

import pytest
from tests.core.recording_stage import Stage

from so_arm.core.errors import UserError
from so_arm.core.recording_session import Phase
from so_arm.core.session_patience import SessionPatience

PATIENCE_S = 10.0


def watched(automatic: bool = True) -> tuple[Stage, SessionPatience]:
    stage = Stage(automatic=automatic)
    return stage, SessionPatience(stage.session, PATIENCE_S, 0.0)


@pytest.mark.parametrize("automatic", [True, False])
def test_a_session_that_never_gets_ready_ends_with_what_is_missing(automatic: bool):
    stage, patience = watched(automatic)
    stage.step(missing="nothing publishes /teleop/command; is teleop running?")
    patience.check(PATIENCE_S - 0.1)
    with pytest.raises(UserError, match="no episode can begin: nothing publishes /teleop/command"):
        patience.check(PATIENCE_S)


def test_a_person_is_waited_for_as_long_as_it_takes():
    stage, patience = watched(automatic=False)
    stage.until(Phase.ready)
    patience.check(1.0)
    patience.check(100 * PATIENCE_S)
    stage.step(missing="a node was lost")
    assert stage.session.phase is Phase.waiting
    patience.check(200 * PATIENCE_S)


def test_an_automatic_episode_takes_commands():
    stage, patience = watched()
    stage.until(Phase.running)
    patience.progress(50.0)
    patience.check(50.0 + PATIENCE_S - 0.1)
    with pytest.raises(UserError, match="no command comes in episode 1; see what the nodes say"):
        patience.check(50.0 + PATIENCE_S)


def test_a_person_may_let_the_arm_rest():
    stage, patience = watched(automatic=False)
    stage.session.record()
    stage.until(Phase.running)
    patience.check(100 * PATIENCE_S)
