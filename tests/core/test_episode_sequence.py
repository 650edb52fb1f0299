"""Ids, seeds and phases of episodes, and those that a person judges."""

from __future__ import annotations

import pytest

from so_arm.core.episode_info import DISCARDED, STOPPED, EpisodeInfo
from so_arm.core.episode_sequence import EpisodeSequence
from so_arm.core.errors import UserError
from so_arm.core.human_episodes import HumanEpisodes

SECOND_NS = 1_000_000_000


def test_seeds_follow_one_another_and_a_discarded_one_comes_again():
    heard: list[EpisodeInfo] = []
    sequence = EpisodeSequence("reach", 4, heard.append)
    sequence.announce()
    assert "seed 4 started" in sequence.begin(100)
    with pytest.raises(UserError, match="is running; stop or discard it first"):
        sequence.begin(200)
    sequence.end(DISCARDED)
    sequence.begin(300)
    sequence.end(STOPPED, steps=7)
    with pytest.raises(UserError, match="no episode is running"):
        sequence.end(STOPPED)
    sequence.begin(400)
    assert [info.phase for info in heard] == ["idle", "running", "ended", "running", "ended", "running"]
    assert [info.seed for info in heard[1::2]] == [4, 4, 5]
    assert len({info.id for info in heard[1::2]}) == 3
    assert heard[4].steps == 7 and heard[4].start_stamp_ns == 300


class Bench:
    def __init__(self, time_limit_s: float = 10.0) -> None:
        self.now_ns = 5 * SECOND_NS
        self.heard: list[EpisodeInfo] = []
        self.episodes = HumanEpisodes("pick_place", 0, 30, time_limit_s, self.heard.append, lambda: self.now_ns)


@pytest.mark.parametrize(
    ("verdict", "outcome", "failure"),
    [
        ("succeed", "success", ""),
        ("fail", "failure", "judged_failed"),
        ("stop", "stopped", ""),
        ("discard", "discarded", ""),
    ],
)
def test_a_person_judges(verdict: str, outcome: str, failure: str):
    bench = Bench()
    with pytest.raises(UserError, match="no episode is running"):
        getattr(bench.episodes, verdict)()
    bench.episodes.start()
    bench.now_ns += 2 * SECOND_NS
    assert outcome in getattr(bench.episodes, verdict)()
    last = bench.heard[-1]
    assert (last.outcome, last.failure, last.steps) == (outcome, failure, 60)


def test_time_runs_out_or_never_does():
    bench, patient = Bench(10.0), Bench(0.0)
    for case in (bench, patient):
        case.episodes.watch()
        case.episodes.start()
        case.now_ns += 10 * SECOND_NS - 1
        case.episodes.watch()
        assert case.heard[-1].running
        case.now_ns += 1
        case.episodes.watch()
    assert (bench.heard[-1].outcome, bench.heard[-1].failure) == ("failure", "timeout")
    assert patient.heard[-1].running
