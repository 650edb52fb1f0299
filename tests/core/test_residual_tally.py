import numpy as np

from so_arm.core.episode_info import EpisodeInfo
from so_arm.core.residual_tally import BASE, CORRECTED, SWITCHED, ResidualTally, Turn

ON, OFF = np.array([0.0, 0.01, 0.0, 0.0, 0.0, 0.0]), np.zeros(6)


def episode(tally: ResidualTally, on_ticks: int, off_ticks: int, outcome: str = "success", failure: str = "") -> Turn:
    tally.begin()
    for residual in [OFF] * off_ticks + [ON] * on_ticks:
        tally.tick(residual)
    return tally.end(EpisodeInfo("x", "ended", 7, outcome=outcome, failure=failure, reward=1.5, steps=100))


def test_what_was_applied_tells_the_mode_and_each_has_its_rate() -> None:
    tally = ResidualTally()
    modes = [episode(tally, *ticks).mode for ticks in ((100, 0), (97, 3), (0, 100), (3, 97), (50, 50), (0, 0))]
    assert modes == [CORRECTED, CORRECTED, BASE, BASE, SWITCHED, BASE]
    failed = episode(tally, 0, 100, "failure", "missed_grasp")
    assert failed == Turn(7, BASE, False, "missed grasp", 1.5, 100)
    assert tally.rates() == "base 3 of 4, base + residual 2 of 2"
    line = tally.line(failed)
    assert line.startswith("episode   7  seed 7  base             missed grasp  reward") and "100 steps" in line


def test_an_episode_begins_from_nothing() -> None:
    tally = ResidualTally()
    episode(tally, 100, 0)
    assert episode(tally, 0, 10, "stopped") == Turn(7, BASE, False, "stopped", 1.5, 100)
