from __future__ import annotations

import dataclasses

import pytest
from tests.core.recording_stage import Stage

from so_arm.core.episode_info import EpisodeInfo
from so_arm.core.errors import UserError
from so_arm.core.recorder_status import RecorderStatus
from so_arm.core.recording_session import MOST_IN_A_ROW, UNSEEN_S, Order, Phase, Sights, told


def test_an_automatic_session_goes_on_until_all_are_saved():
    stage = Stage(episodes=3)
    for _ in range(3):
        stage.turn()
    assert stage.session.phase is Phase.done
    assert [(turn.seed, turn.rows, turn.saved) for turn in stage.session.turns] == [
        (5, 30, True),
        (6, 30, True),
        (7, 30, True),
    ]
    assert stage.step() is None and stage.started == 3


def test_nothing_begins_before_everything_is_there_and_the_arm_is_home():
    stage = Stage()
    stage.seen = Sights(missing="nothing publishes /teleop/command; is teleop running?", at_home=False)
    for _ in range(5):
        assert stage.step() is None
    assert stage.session.phase is Phase.waiting and "is teleop running?" in stage.session.note
    for _ in range(5):
        stage.step(missing="")
    assert stage.session.phase is Phase.homing
    stage.step(missing="no picture of camera wrist")
    assert stage.session.phase is Phase.waiting, "what goes away again is waited for again"
    stage.step(missing="", at_home=True)
    stage.until(Phase.running)
    assert stage.started == 1


def test_an_episode_counts_when_it_is_on_disk_and_not_before():
    stage = Stage(episodes=1)
    stage.until(Phase.running)
    stage.end()
    for phase in ("recording", "saving", "saving"):
        stage.step(recorder=RecorderStatus(phase, episode="another"))
    assert stage.session.phase is Phase.saving and stage.session.saved == 0
    stage.record()
    assert stage.session.phase is Phase.done and stage.session.saved == 1


def test_the_next_one_waits_for_the_rest():
    stage = Stage(rest_s=5.0)
    stage.turn()
    ended_s = stage.now_s
    stage.until(Phase.running)
    assert stage.now_s - ended_s > 5.0


@pytest.mark.parametrize(
    ("result", "says"),
    [
        (
            "cut: no image of camera wrist",
            "cut: no image of camera wrist, 30 frames kept as a cut episode; another one",
        ),
        ("refused: no rows", "refused: no rows, 30 frames kept"),
    ],
)
def test_a_cut_episode_is_told_and_another_takes_its_place(result: str, says: str):
    stage = Stage(episodes=1)
    stage.turn(result=result)
    assert says in stage.session.note and "episode 1 of 1" in stage.session.note
    stage.turn()
    assert stage.session.phase is Phase.done
    assert [turn.saved for turn in stage.session.turns] == [False, True]


def test_a_discarded_one_is_not_waited_for_and_its_seed_comes_again():
    stage = Stage(episodes=1)
    stage.turn("discarded")
    assert stage.session.phase is Phase.resting and "its turn comes again" in stage.session.note
    stage.turn()
    assert [turn.seed for turn in stage.session.turns] == [5, 5]


def test_a_world_that_is_reset_under_the_episode_is_a_discard():
    stage = Stage()
    stage.until(Phase.running)
    stage.step(episode=EpisodeInfo())
    assert stage.session.phase is Phase.resting and stage.session.saved == 0


def test_an_automatic_session_gives_up_when_nothing_comes_of_it():
    stage = Stage()
    for _ in range(MOST_IN_A_ROW - 1):
        stage.turn(result="cut: no state")
    with pytest.raises(UserError, match=r"in a row came to nothing; the last one: cut: no state"):
        stage.turn(result="cut: no state")


def test_a_recorder_that_has_not_seen_the_episode_is_told():
    stage = Stage(episodes=1)
    stage.until(Phase.running)
    stage.end()
    stage.step(recorder=RecorderStatus("idle", episode="older", result="saved"))
    stage.now_s += UNSEEN_S
    stage.step()
    assert "refused: the recorder has not seen it" in stage.session.note


def test_without_automatic_it_waits_for_a_wish():
    stage = Stage(automatic=False)
    stage.until(Phase.ready)
    assert [stage.step() for _ in range(20)] == [None] * 20
    assert stage.session.record() == "episode 1 of 2 begins"
    assert stage.step() is Order.start
    stage.step()
    with pytest.raises(UserError, match="episode 1 of 2 is being recorded"):
        stage.session.record()
    stage.end()
    assert stage.session.record() == "episode 2 of 2 begins as soon as it can (saving)"
    stage.record()
    stage.until(Phase.running)


def test_one_wish_is_one_episode():
    stage = Stage(episodes=3, automatic=False)
    stage.until(Phase.ready)
    for _ in range(3):
        stage.session.record()  # a key that is held down
    stage.turn()
    stage.until(Phase.ready)
    assert [stage.step() for _ in range(20)] == [None] * 20 and stage.started == 1


def test_a_wish_ends_the_rest():
    stage = Stage(automatic=False, rest_s=60.0)
    stage.session.record()
    stage.turn()
    assert stage.session.phase is Phase.resting
    stage.session.record()
    stage.until(Phase.running)
    assert stage.now_s < 30.0


def test_next_stops_saves_and_goes_on_after_the_rest():
    stage = Stage(automatic=False, rest_s=5.0)
    stage.session.record()
    stage.until(Phase.running)
    assert stage.session.next() is Order.stop
    stage.end("stopped")
    assert stage.session.next() is None, "a second press changes nothing"
    stage.record()
    rested_s = stage.now_s
    stage.until(Phase.running)
    assert stage.now_s - rested_s > 5.0 and stage.started == 2


def test_there_is_nothing_to_end_between_episodes():
    stage = Stage(automatic=False)
    stage.until(Phase.ready)
    with pytest.raises(UserError, match=r"no episode is running \(ready\)"):
        stage.session.check_running()
    stage.session.record()
    stage.until(Phase.running)
    stage.session.check_running()


def test_quitting_between_episodes_ends_it_at_once():
    stage = Stage(automatic=False)
    stage.until(Phase.ready)
    assert stage.session.quit() is None
    stage.step()
    assert stage.session.phase is Phase.done and stage.session.note == "0 of 2 episodes are saved"
    with pytest.raises(UserError, match="at its end"):
        stage.session.record()
    with pytest.raises(UserError, match="at its end"):
        stage.session.next()


def test_quitting_discards_what_runs_and_waits_for_what_is_being_saved():
    stage = Stage()
    stage.until(Phase.running)
    assert stage.session.quit() is Order.discard
    stage.end("discarded")
    assert stage.session.phase is Phase.done

    stage = Stage()
    stage.until(Phase.running)
    stage.end()
    assert stage.session.quit() is None
    stage.step(recorder=RecorderStatus("saving"))
    assert stage.session.phase is Phase.saving
    stage.record()
    assert stage.session.phase is Phase.done and stage.session.saved == 1


def test_an_episode_that_starts_while_it_ends_is_discarded():
    stage = Stage()
    stage.until(Phase.starting)
    assert stage.session.quit() is None
    assert stage.step() is Order.discard
    stage.end("discarded")
    assert stage.session.phase is Phase.done


def test_an_episode_that_somebody_else_started_counts_too():
    stage = Stage(automatic=False)
    stage.until(Phase.ready)
    stage.step(episode=EpisodeInfo(id="mine", phase="running", seed=9))
    assert stage.session.phase is Phase.running
    stage.end("failure", "judged_failed")
    stage.record()
    assert stage.session.saved == 1
    assert told(stage.session.turns[0]) == "30 frames saved, failure (judged_failed)"


@pytest.mark.parametrize("automatic", [True, False])
def test_a_source_that_refuses_is_asked_again_by_itself_only_when_automatic(automatic: bool):
    stage = Stage(automatic=automatic)
    if not automatic:
        stage.session.record()
    stage.until(Phase.starting)
    stage.seen = dataclasses.replace(stage.seen, episode=EpisodeInfo())
    stage.session.refused(stage.now_s, "mujoco_bridge: the emergency stop is engaged")
    assert stage.session.note == "mujoco_bridge: the emergency stop is engaged"
    assert stage.step() is None, "not at once"
    orders = [stage.step() for _ in range(30)]
    assert orders.count(Order.start) == (1 if automatic else 0)
