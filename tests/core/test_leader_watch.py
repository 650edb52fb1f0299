import math

import numpy as np

from so_arm.core.leader_watch import LeaderWatch

POSE = np.arange(6) / 10


def test_a_leader_is_followed_while_it_is_fresh_and_finite() -> None:
    watch = LeaderWatch(timeout_s=0.15)
    assert watch.position(0.0) is None and watch.problem(0.0).startswith("no leader arm")
    assert not watch.hear(np.array([0, 0, math.inf, 0, 0, 0]), 1.0) and watch.position(1.0) is None
    assert watch.hear(POSE, 1.0)
    followed = watch.position(1.15)
    assert followed is not None and np.array_equal(followed, POSE) and watch.problem(1.15) == ""
    assert not watch.hear(POSE * math.nan, 1.3), "what is not finite does not keep it alive"
    assert watch.position(1.3) is None and watch.problem(1.3) == "the leader arm is silent for 0.3 s"
    assert watch.hear(POSE, 2.0) and watch.position(2.0) is not None
