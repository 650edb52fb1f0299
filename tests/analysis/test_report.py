import json
import math

import pytest

from so_arm.analysis.report import build_report
from so_arm.core.episode import EpisodeResult
from so_arm.core.files import json_text


def result(seed: int, failure: str | None, reward: float = 1.0, steps: int = 400) -> EpisodeResult:
    return EpisodeResult(seed, failure is None, reward, steps, failure, steps / 30)


RESULTS = [
    result(5, None, reward=500.0, steps=200),
    result(6, "dropped", reward=-40.0),
    result(7, "missed_grasp"),
    result(8, "dropped"),
]


def test_report_has_the_agreed_keys():
    report = json.loads(json_text(build_report(RESULTS, {"task": "pick_place"})))
    assert report["success_rate"] == 0.25
    assert report["success_ci95"] == pytest.approx([0.0456, 0.6994], abs=1e-4)
    assert report["mean_reward"] == pytest.approx(462 / 4)
    assert report["mean_steps"] == 350
    assert report["failures"] == {"dropped": 2, "missed_grasp": 1}
    assert report["episodes"][1] == {
        "seed": 6,
        "success": False,
        "reward": -40.0,
        "steps": 400,
        "failure": "dropped",
    }
    assert report["meta"] == {"task": "pick_place"}


def test_report_of_nothing_is_valid_json():
    report = build_report([], {})
    assert math.isnan(report["success_rate"])
    assert json.loads(json_text(report))["mean_reward"] is None
