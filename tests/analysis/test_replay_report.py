"""Facts of recorded episodes, and figures of all episodes and of two policies against each other."""

from __future__ import annotations

import json

import numpy as np
import pytest

from so_arm.analysis.replay_facts import episode_facts
from so_arm.analysis.replay_report import build_report, compare, summarise
from so_arm.analysis.replay_rows import figure_rows, joint_rows, recording_rows, step_rows
from so_arm.analysis.replay_scores import ALL, score
from so_arm.core.files import json_text
from so_arm.core.joints import JOINT_NAMES
from so_arm.core.predictions import Predictions
from so_arm.core.reward_trace import RewardTrace
from so_arm.data.recordings.recording import RecordedFrames

FPS, TICKS = 30.0, 30
NOTHING = RewardTrace("recorded", None, None, "the recording holds no reward")
TIMING = {"took_s": 0.5, "times_real_time": 4.0, "chunk": {n: {"p50_ms": 1.0, "p99_ms": 2.0} for n in ("a", "b")}}


def frames(**more) -> RecordedFrames:
    joints = np.zeros((TICKS, 6))
    stamps = np.rint(np.arange(TICKS) * 1e9 / FPS).astype(np.int64)
    return RecordedFrames("episode 0", stamps, joints, joints, (), lambda camera, tick: np.empty(0), **more)


def scores_of(error_deg: float, steps: int = 20) -> dict:
    """A policy that is wrong by so much on every joint, in chunks of `steps`."""
    chunk = np.full((steps, 6), np.radians(error_deg))
    executed = np.full((TICKS, 6), np.radians(error_deg))
    answers = Predictions([(0, chunk)], executed, np.zeros((TICKS, 6)), executed, np.ones(TICKS, bool))
    return score(frames(), answers, FPS)


def test_facts_of_what_was_recorded():
    latency = np.full(TICKS, 10.0)
    latency[:3], latency[3:6] = np.nan, 50.0
    taken = np.zeros(TICKS, bool)
    taken[[0, 1, 10, 11, 12, 29]] = True
    rewards = np.ones(TICKS)
    rewards[4] = np.nan
    recorded = frames(success=True, latency_ms=latency, intervention=taken)
    facts = episode_facts(recorded, RewardTrace("v3", rewards, False), FPS)
    assert facts["reward"]["return"] == 29.0
    assert facts["reward"]["missing"] == 1
    assert (facts["success"], facts["predicted_success"]) == (True, False)
    assert facts["intervention"] == {"share": 0.2, "takeovers": 2}, "that the first tick is a person's is none"
    assert facts["latency"]["answered_share"] == 0.9
    assert facts["latency"]["over_period_share"] == pytest.approx(3 / 27)
    assert (facts["latency"]["p50_ms"], facts["latency"]["max_ms"]) == (10.0, 50.0)
    assert facts["seconds"] == 1.0


def test_facts_that_nobody_recorded():
    facts = episode_facts(frames(), NOTHING, FPS)
    assert (facts["latency"], facts["intervention"], facts["success"]) == (None, None, None)
    assert facts["reward"] == {
        "source": "recorded", "return": None, "missing": None, "trace": None, "reason": NOTHING.reason,
    }  # fmt: skip


def test_summary_weighs_episodes_alike_and_steps_by_their_count():
    summary = summarise([scores_of(1.0), scores_of(2.0), scores_of(6.0, steps=10)])
    assert summary["chunk_error"]["mae_deg"][ALL] == pytest.approx(3.0)
    assert summary["error_by_step"]["count"] == [3] * 10 + [2] * 10
    assert summary["error_by_step"]["mae_deg"]["gripper"] == pytest.approx([3.0] * 10 + [1.5] * 10)
    assert summary["error_by_step"]["rmse_deg"][ALL][0] == pytest.approx(np.sqrt(41 / 3))
    assert summary["chunks"] == 3


def test_comparison_is_paired_by_episode():
    first = [scores_of(error) for error in (1.0, 5.0, 9.0, 3.0)]
    second = [scores_of(error + 0.5) for error in (1.0, 5.0, 9.0, 3.0)]
    found = compare(first, second)["chunk_error_mae_deg"]["wrist_roll"]
    assert found["mean"] == pytest.approx(0.5)
    assert found["ci95"] == pytest.approx([0.5, 0.5])  # although the episodes differ much more than the policies
    spread = compare(first, list(reversed(second)))["chunk_error_mae_deg"][ALL]
    assert spread["ci95"][0] < -1.0 < 2.0 < spread["ci95"][1]
    assert compare(first[:1], second[:1])["chunk_error_mae_deg"][ALL]["ci95"] is None


@pytest.mark.parametrize(
    ("pairs", "accuracy", "counts"),
    [
        ([(True, True), (False, True), (True, False), (False, False)], 0.5, (1, 1, 1, 1)),
        ([(True, True), (None, True), (True, None)], 1.0, (1, 0, 0, 0)),
        ([(None, True)], None, (0, 0, 0, 0)),
    ],
)
def test_agreement_of_reward_source_and_label(pairs, accuracy, counts):
    facts = [
        episode_facts(frames(success=label), RewardTrace("v3", np.zeros(TICKS), said, "" if said else "why"), FPS)
        for said, label in pairs
    ]
    found = build_report({}, facts, {"a": [scores_of(1.0)] * len(facts)})["recording"]["summary"]["success"]
    assert found["accuracy"] == accuracy
    keys = ("both_success", "only_labelled", "only_predicted", "both_failure")
    assert tuple(found[key] for key in keys) == counts
    assert bool(found["reason"]) == (accuracy is None)


def report(policies: int = 2) -> dict:
    facts = [episode_facts(frames(), NOTHING, FPS)] * 3
    scores = {name: [scores_of(error) for error in (1.0, 2.0, 3.0 + place)] for place, name in enumerate("ab")}
    return build_report({"fps": FPS}, facts, dict(list(scores.items())[:policies]))


def test_report_is_json_and_the_same_again():
    text = json_text(report())
    assert text == json_text(report())
    parsed = json.loads(text)
    assert parsed["policies"][1]["policy"] == "b"
    assert parsed["policies"][0]["summary"]["jumps"]["at_joins_max_deg"][ALL] is None
    assert parsed["comparison"]["episodes"] == 3
    assert set(parsed["policies"][0]["summary"]["chunk_error"]["mae_deg"]) == {*JOINT_NAMES, ALL}
    assert report(1)["comparison"] is None


def test_rows_for_people():
    figures = dict(figure_rows(report(), TIMING))
    assert figures["error over the chunk, mean"] == ["2.00°", "2.33°", "+0.33° (+0.00° to +1.00°)"]
    assert figures["jump where chunks join, mean"] == ["", "", ""]
    assert dict(joint_rows(report(1)))["gripper"] == ["2.00°"]
    assert [step for step, _ in step_rows(report())] == ["0", "10", "19"]
    told = dict(recording_rows(report(), TIMING))
    assert told["return"] == "the recording holds no reward"
    assert told["success"] == "not compared: the recording has no label of success"
