"""Messages to rows: a simulated episode gives exactly its ticks, and whatever is wrong ends an episode by name."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from tests.data.ingest import wired
from tests.data.ingest.wired import SECOND_NS, START_NS, Fed

from so_arm.core.episode_info import DISCARDED, FAILURE, STOPPED, SUCCESS, EpisodeInfo
from so_arm.core.joints import JOINT_NAMES
from so_arm.data.ingest.episode_ingest import UNHEARD_END, EpisodeIngest, EpisodeReport, Row
from so_arm.data.ingest.settings import (
    COMMAND_TOPIC,
    EPISODE_TOPIC,
    REWARD_TOPIC,
    STATE_TOPIC,
    RecordingSettings,
    image_topic,
    topics,
)

STATIC = image_topic("static")


class Kept:
    """An ingest, and what it gave."""

    def __init__(self, cameras: tuple[str, ...] = ("static",), reward: bool = True, **more: float) -> None:
        self.rows: list[Row] = []
        self.reports: list[EpisodeReport] = []
        settings = RecordingSettings(30, cameras, reward, **{"patience_s": 0.5} | more)  # type: ignore[arg-type]
        self.ingest = EpisodeIngest(settings, self.rows.append, self.reports.append)

    def feed(self, fed: list[Fed]) -> Kept:
        for topic, raw in fed:
            self.ingest.feed(topic, raw)
        return self


def _moved(fed: list[Fed], topic: str, by: int) -> list[Fed]:
    """Messages of `topic` arrive `by` places later."""
    places = [(k + (by if name == topic else 0), k, (name, raw)) for k, (name, raw) in enumerate(fed)]
    return [message for _, _, message in sorted(places)]


def _without(fed: list[Fed], topic: str, which: range) -> list[Fed]:
    seen = -1
    kept = []
    for name, raw in fed:
        seen += name == topic
        if not (name == topic and seen in which):
            kept.append((name, raw))
    return kept


def test_a_lockstep_episode_gives_a_row_per_command():
    kept = Kept(("static", "wrist")).feed(wired.lockstep_episode(20, cameras=("static", "wrist")))
    assert [row.tick for row in kept.rows] == list(range(20))
    for tick, row in enumerate(kept.rows):
        np.testing.assert_array_equal(row.state, wired.pose(tick))
        np.testing.assert_array_equal(row.action, wired.pose(tick) + 0.1)
        np.testing.assert_array_equal(row.images["wrist"], wired.picture(tick, shade=20))
        assert row.stamp_ns == wired.tick_ns(tick)
        assert row.reward == (tick + 1) / 10
        assert row.success == (tick == 19)
        assert not row.intervention
    (report,) = kept.reports
    assert (report.rows, report.cut, report.lead, report.info.outcome) == (20, "", 0, SUCCESS)
    assert {counts.used for counts in report.streams.values()} == {20}
    assert {counts.missing for counts in report.streams.values()} == {0}


@pytest.mark.parametrize("seed", range(5))
def test_arrival_in_any_order_gives_the_same_rows(seed: int):
    fed = wired.lockstep_episode(20, cameras=("static",))
    plain = Kept().feed(fed)
    rng = random.Random(seed)
    mixed = fed
    for topic in (STATIC, STATE_TOPIC, COMMAND_TOPIC, REWARD_TOPIC):
        mixed = _moved(mixed, topic, rng.randrange(-8, 20))
    kept = Kept().feed(mixed)
    kept.ingest.close()
    assert [row.tick for row in kept.rows] == [row.tick for row in plain.rows]
    for row, expected in zip(kept.rows, plain.rows, strict=True):
        np.testing.assert_array_equal(row.images["static"], expected.images["static"])
        assert (row.reward, row.success) == (expected.reward, expected.success)


def test_lockstep_repeats_its_observation_while_it_waits():
    fed = wired.lockstep_episode(10, cameras=("static",))
    doubled = [message for topic, raw in fed for message in [(topic, raw)] * (1 if topic == EPISODE_TOPIC else 2)]
    kept = Kept().feed(doubled)
    assert len(kept.rows) == 10
    assert kept.reports[0].streams[STATE_TOPIC].doubled == 11


def test_episodes_follow_each_other_and_only_success_is_success():
    kept = Kept(())
    for number, outcome in enumerate((SUCCESS, FAILURE, STOPPED, DISCARDED, SUCCESS), 1):
        start = START_NS + number * 3 * SECOND_NS
        kept.feed(wired.lockstep_episode(5, number, outcome=outcome, start_ns=start))
    assert [report.info.outcome for report in kept.reports] == [SUCCESS, FAILURE, STOPPED, DISCARDED, SUCCESS]
    assert [report.rows for report in kept.reports] == [5] * 5
    assert [row.tick for row in kept.rows if row.success] == [4, 4]


def test_intervention_is_where_teleop_commands():
    fed = wired.lockstep_episode(6)
    commands = [k for k, (topic, _) in enumerate(fed) if topic == COMMAND_TOPIC]
    for tick in (2, 3):
        fed[commands[tick]] = (COMMAND_TOPIC, wired.joints(wired.tick_ns(tick), wired.pose(tick), frame_id="teleop"))
    assert [row.intervention for row in Kept(()).feed(fed).rows] == [False, False, True, True, False, False]


def test_an_episode_that_ended_waits_for_what_is_late_and_settles():
    fed = wired.lockstep_episode(10)
    kept = Kept(()).feed(_without(fed, REWARD_TOPIC, range(9, 10)))
    assert kept.reports == []
    assert len(kept.rows) == 8
    kept.ingest.settle()
    assert len(kept.rows) == 10
    assert math.isnan(kept.rows[9].reward)
    assert kept.rows[9].success
    assert kept.reports[0].streams[REWARD_TOPIC].missing == 1


def test_settling_leaves_a_running_episode_alone():
    kept = Kept(()).feed(wired.lockstep_episode(10)[:-1])
    kept.ingest.settle()
    assert kept.reports == []
    assert kept.ingest.info.id == "run-1"
    kept.feed(wired.lockstep_episode(10)[-1:])
    assert kept.reports[0].rows == 10
    assert kept.ingest.info.id == ""


def test_a_camera_that_stops_cuts_the_episode_there():
    fed = _without(wired.lockstep_episode(60, cameras=("static",)), STATIC, range(20, 99))
    kept = Kept().feed(fed)
    (report,) = kept.reports
    assert report.cut == "static_camera/image_raw stopped at 0.63 s of the episode"
    assert report.rows == len(kept.rows) == 23, "0.1 s are three more ticks"
    assert not any(row.success for row in kept.rows)


def test_a_camera_that_never_comes_leaves_no_row():
    kept = Kept().feed(wired.lockstep_episode(90))
    (report,) = kept.reports
    assert (report.rows, kept.rows) == (0, [])
    assert report.cut == "static_camera/image_raw delivered nothing in the first 2.00 s"
    short = Kept().feed(wired.lockstep_episode(20))
    short.ingest.close()
    assert short.reports[0].cut == "no tick of it has a sample of every topic"


@pytest.mark.parametrize(
    ("spoilt", "message"),
    [
        ((STATE_TOPIC, wired.joints(wired.tick_ns(5), range(5), JOINT_NAMES[:5])), "missing gripper"),
        ((COMMAND_TOPIC, wired.joints(wired.tick_ns(5), [math.nan] * 6)), "is not finite"),
        ((STATIC, wired.image(wired.tick_ns(5), wired.picture(5), "mono8")), "image encoding 'mono8'"),
        (
            (STATIC, wired.image(wired.tick_ns(5), wired.picture(5, (32, 48)))),
            "the image size changed from 24x16 px to 48x32 px",
        ),
        ((STATIC, b"\0\1"), "a message of 2 bytes has no header"),
    ],
)
def test_a_message_that_cannot_be_read_ends_the_rows(spoilt: Fed, message: str):
    fed = wired.lockstep_episode(10, cameras=("static",))
    place = [k for k, (topic, _) in enumerate(fed) if topic == spoilt[0]][5]
    kept = Kept().feed([*fed[:place], spoilt, *fed[place + 1 :]])
    (report,) = kept.reports
    assert report.cut.startswith(f"{spoilt[0]}: ")
    assert message in report.cut
    # Without a stamp it ends what is not decided yet, and the last tick's reward was still to come.
    assert report.rows == len(kept.rows) == (4 if len(spoilt[1]) == 2 else 5)
    assert [row.tick for row in kept.rows] == list(range(report.rows))


def test_messages_that_never_came_are_counted_with_their_episode():
    kept = Kept(("static",))
    kept.ingest.miss(STATIC, 3)
    fed = wired.lockstep_episode(6, cameras=("static",))
    kept.feed(fed[:-1])
    for topic in (STATIC, f"{STATIC}/compressed", "other"):
        kept.ingest.miss(topic, 2)
    kept.feed(fed[-1:])
    assert {topic: counts.lost for topic, counts in kept.reports[0].streams.items() if counts.lost} == {STATIC: 4}


def test_the_end_of_the_messages_keeps_what_there_is():
    kept = Kept(()).feed(wired.lockstep_episode(10)[:-1])
    kept.ingest.close()
    assert (kept.reports[0].rows, kept.reports[0].cut) == (10, UNHEARD_END)
    assert not kept.rows[-1].success


def test_an_episode_whose_end_was_not_heard_ends_with_the_next():
    first, second = wired.lockstep_episode(10), wired.lockstep_episode(4, 2, start_ns=START_NS + 9 * SECOND_NS)
    kept = Kept(()).feed(first[:-1] + second)
    assert [(report.info.id, report.rows, report.cut) for report in kept.reports] == [
        ("run-1", 10, UNHEARD_END),
        ("run-2", 4, ""),
    ]
    restarted = Kept(()).feed([*first[:-1], (EPISODE_TOPIC, wired.info(EpisodeInfo(task="reach")))])
    assert restarted.reports[0].cut == UNHEARD_END


@pytest.mark.parametrize("outcome", [SUCCESS, DISCARDED])
def test_episodes_that_follow_at_once_lose_nothing_to_topics_that_overtake(outcome: str):
    """Each topic is in order, and what is said of episodes comes before all samples."""
    fed = [
        *wired.lockstep_episode(20, 1, ("static",)),
        *wired.lockstep_episode(15, 2, ("static",), outcome, START_NS + SECOND_NS),
    ]
    by_topic = sorted(fed, key=lambda message: (EPISODE_TOPIC, REWARD_TOPIC, STATIC, STATE_TOPIC).index(message[0])
                      if message[0] != COMMAND_TOPIC else 9)  # fmt: skip
    kept = Kept(patience_s=2.0).feed(by_topic)
    kept.ingest.close()
    assert [(report.info.id, report.info.outcome, report.cut) for report in kept.reports] == [
        ("run-1", SUCCESS, ""),
        ("run-2", outcome, "" if outcome == SUCCESS else kept.reports[1].cut),
    ]
    assert kept.reports[0].rows == 20
    assert [counts.received for counts in kept.reports[0].streams.values()] == [20, 21, 21, 20]
    if outcome == SUCCESS:
        assert kept.reports[1].rows == 15 and len(kept.rows) == 35


def test_samples_that_overtake_the_begin_of_their_episode_belong_to_it():
    fed = wired.lockstep_episode(10, cameras=("static",))
    kept = Kept().feed([*fed[1:6], fed[0], *fed[6:]])
    assert kept.reports[0].rows == 10


def test_compressed_images_serve_as_well():
    fed = wired.lockstep_episode(5)
    jpegs = [(STATIC + "/compressed", wired.jpeg(wired.tick_ns(k), wired.picture(k))) for k in range(6)]
    kept = Kept().feed([fed[0], *jpegs, *fed[1:]])
    assert kept.reports[0].rows == 5
    np.testing.assert_allclose(kept.rows[3].images["static"], wired.picture(3), atol=6)


def test_real_time_ends_with_the_steps_although_the_streams_go_on():
    """A real arm goes on publishing, and a leader arm commanding, after the episode."""
    fed = wired.lockstep_episode(40)
    early_end = [*fed[:63], (EPISODE_TOPIC, wired.info(wired.ended(1, 20))), *fed[63:]]
    assert [row.tick for row in Kept(()).feed(early_end).rows] == list(range(20))


def test_a_simulation_slower_than_its_clock_is_recorded_to_its_end():
    """In real time on a busy machine, 40 steps may take longer than 40 periods."""
    fed = wired.lockstep_episode(40)
    kept = Kept(()).feed([*fed[:-1], (EPISODE_TOPIC, wired.info(wired.ended(1, 30)))])
    assert kept.reports[0].rows == 40


def test_topics_are_those_of_the_settings():
    wanted = topics(RecordingSettings(30, ("static",), False))
    assert set(wanted) == {EPISODE_TOPIC, STATE_TOPIC, COMMAND_TOPIC, STATIC}
    assert REWARD_TOPIC in topics(RecordingSettings(30, (), True))
