import json

import pytest
from tests.analysis.judged_episodes import SEEDS, base_side, episode, report_of, residual_side, use

from so_arm.analysis.failure_map import folded_yaw_deg
from so_arm.analysis.report import build_report
from so_arm.analysis.residual_report import Pair
from so_arm.core.episode_phase import Phase
from so_arm.core.files import json_text
from so_arm.core.object_start import ObjectStart

N = len(SEEDS)


@pytest.fixture(scope="module")
def report():
    """40 of 120 fail; the residual leaves 5 of them and breaks one."""
    failing = {*[seed for seed in SEEDS if seed % 3 == 0][:5], SEEDS[0] + 2}
    late = Pair([episode(seed, "timeout") for seed in SEEDS], residual_side(failing))
    return report_of(residual_side(failing), delays=[(3, late)])


def test_figures_by_hand(report):
    assert report["failure_ratio"] == pytest.approx(6 / 40)
    assert report["success_difference"] == pytest.approx(34 / N)
    low, high = report["success_difference_ci95"]
    assert 0.15 < low < 34 / N < high < 0.42
    assert (len(report["fixed"]), report["broken"]) == (35, [SEEDS[0] + 2])
    assert report["mcnemar_p"] == pytest.approx(2 * (1 + 36) / 2**36)
    assert report["length_ratio"] == report["length_ratio_of_both"] == 150 / 200
    assert report["success_steps"] == {"base": 200.0, "residual": 150.0}
    assert report["outcomes"] == {
        "success": {"success": 79, "missed_grasp": 1},
        "missed_grasp": {"success": 35, "missed_grasp": 5},
    }
    assert report["reward_difference"] == pytest.approx(34 * 140 / N)


def test_both_sides_are_as_eval_writes_them(report):
    results = [each.result for each in base_side()]
    assert report["base"].keys() == build_report(results, {}).keys()
    assert report["base"]["success_rate"] == pytest.approx(80 / N)
    assert report["base"]["meta"]["residual"] is None
    assert report["residual"]["meta"]["residual"] == "models/residual"


def test_where_adds_up(report):
    place, yaw = report["where"]["position"], report["where"]["yaw"]
    assert (place["x_edges_m"], place["y_edges_m"]) == ([0.14, 0.19, 0.24, 0.29], [-0.1, -0.05, 0.0, 0.05, 0.1])
    for table, total in (("episodes", N), ("base", 80), ("residual", N - 6)):
        assert sum(map(sum, place[table])) == sum(yaw[table]) == total
    assert report["where"]["phase"]["base"]["touched"] == {"failures": 40, "last_progress_s": 2.0}
    assert report["where"]["phase"]["residual"]["lifted"] == {"failures": 0, "last_progress_s": None}


def test_delays(report):
    none, late = report["delays"]
    assert (none["delay_ticks"], none["lost"], none["lost_ratio"]) == (0, {"base": 0.0, "residual": 0.0}, None)
    assert (late["delay_ticks"], late["delay_ms"]) == (3, pytest.approx(100.0))
    assert late["base"]["success_rate"] == 0.0 and late["lost"]["base"] == pytest.approx(80 / N)
    assert late["lost_ratio"] == 0.0


def test_it_is_json_and_the_same_each_time(report):
    assert json.loads(json_text(report))["details"][0]["seed"] == SEEDS[0]
    failing = {row["seed"] for row in report["residual"]["episodes"] if not row["success"]}
    assert report_of(residual_side(failing))["success_difference_ci95"] == report["success_difference_ci95"]


def test_nothing_to_compare_with():
    """A base that always fails, and a residual that does not help: no length, no ratio of lengths."""
    lost = [episode(seed, "no_approach", Phase.UNTOUCHED, residual=use()) for seed in SEEDS]
    report = report_of(lost, lost)
    assert (report["failure_ratio"], report["mcnemar_p"], report["length_ratio"]) == (1.0, 1.0, None)
    won = [episode(seed, residual=use()) for seed in SEEDS]
    assert report_of(won, won)["failure_ratio"] is None


@pytest.mark.parametrize(
    ("offender", "where"),
    [
        ({"residual": use(above_bound=2)}, "residual_above_bound"),
        ({"residual": use(pushed_outside=2)}, "residual_pushed_outside"),
        ({"residual": use(), "outside": 2}, "commands_outside_limits"),
    ],
)
def test_one_offence_is_told(offender, where):
    after = [*residual_side(set())[:-1], episode(SEEDS[-1], **offender)]
    safety = report_of(after)["safety"]
    assert not safety["kept"]
    assert safety[where] == ({"base": 0, "residual": 2} if where == "commands_outside_limits" else 2)


def test_offences_of_the_delay_study_count_too():
    late = Pair(base_side(), [episode(seed, residual=use(above_bound=1)) for seed in SEEDS])
    assert report_of(residual_side(set()), delays=[(2, late)])["safety"]["residual_above_bound"] == N


@pytest.mark.parametrize(
    ("yaw", "folded"), [(0.0, 0.0), (1.0, 57.2958), (3.0, 81.8873), (-0.1, 84.2704), (-1e-18, 0.0)]
)
def test_a_quarter_turn_changes_nothing(yaw: float, folded: float):
    assert folded_yaw_deg(ObjectStart(0, 0, yaw)) == pytest.approx(folded, abs=1e-3)
