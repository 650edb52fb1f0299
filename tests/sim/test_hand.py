"""The hand that leads the limp arm reaches every end and lets go."""

from __future__ import annotations

import numpy as np
import pytest

from so_arm.core.calibration import FULL_TURN_JOINT, nominal_calibration
from so_arm.core.joints import JOINT_NAMES, LOWER_RAD, NUM_JOINTS, UPPER_RAD
from so_arm.core.ticks import TickScale
from so_arm.sim.hand import MIDDLE_RAD
from so_arm.sim.live_world import LiveWorld

LIMP = np.zeros(NUM_JOINTS)


@pytest.fixture
def world() -> LiveWorld:
    return LiveWorld(nominal_calibration())


def test_a_sweep_reaches_both_ends_of_every_joint_and_ends_in_the_middle(world: LiveWorld):
    """Those of the calibration that the arm is said to have, so that calibrating it gives the same again."""
    scale = TickScale(nominal_calibration())
    world.hand.lead(MIDDLE_RAD)
    while world.hand.busy:
        world(LIMP, LIMP, 0.002)
    low, high = np.full(NUM_JOINTS, np.inf), np.full(NUM_JOINTS, -np.inf)
    world.hand.sweep()
    for _ in range(30_000):
        world(LIMP, LIMP, 0.002)
        position = world.arm.joint_position()
        low, high = np.minimum(low, position), np.maximum(high, position)
        if not world.hand.busy:
            break
    assert not world.hand.busy
    assert np.abs(position - MIDDLE_RAD).max() < 0.03
    swept = [name for name in JOINT_NAMES if name != FULL_TURN_JOINT]
    for joint in map(JOINT_NAMES.index, swept):
        lower, upper = scale.lower_rad[joint], scale.upper_rad[joint]
        assert high[joint] - low[joint] == pytest.approx(upper - lower, rel=0.01), JOINT_NAMES[joint]
        assert (high[joint] + low[joint]) / 2 == pytest.approx((lower + upper) / 2, abs=0.005), JOINT_NAMES[joint]
    roll = JOINT_NAMES.index(FULL_TURN_JOINT)
    assert (low[roll], high[roll]) == pytest.approx((LOWER_RAD[roll], UPPER_RAD[roll]), abs=0.02)


def test_the_hand_holds_what_it_has_and_lets_go(world: LiveWorld):
    world.hand.lead(MIDDLE_RAD)
    for _ in range(2500):
        world(LIMP, LIMP, 0.002)
    assert np.abs(world.arm.joint_position() - MIDDLE_RAD).max() < 0.02
    pose = np.full(NUM_JOINTS, np.nan)
    pose[0] = 0.5
    world.hand.lead(pose)  # and lets go of all others
    for _ in range(1500):
        world(LIMP, LIMP, 0.002)
    assert world.arm.joint_position()[0] == pytest.approx(0.5, abs=0.02)
    assert abs(world.arm.joint_position()[2]) > 0.15
    world.hand.let_go()
    assert not world.hand.busy and (world.arm.data.qfrc_applied[:NUM_JOINTS] == 0).all()
