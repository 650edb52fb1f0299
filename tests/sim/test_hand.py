"""The hand that leads the limp arm reaches every end and lets go."""

from __future__ import annotations

import numpy as np
import pytest

from so_arm.core.calibration import nominal_calibration
from so_arm.core.joints import LOWER_RAD, NUM_JOINTS, UPPER_RAD
from so_arm.sim.hand import MIDDLE_RAD
from so_arm.sim.live_world import LiveWorld

LIMP = np.zeros(NUM_JOINTS)


@pytest.fixture
def world() -> LiveWorld:
    return LiveWorld(nominal_calibration())


def test_a_sweep_reaches_both_ends_of_every_joint(world: LiveWorld):
    low, high = np.full(NUM_JOINTS, np.inf), np.full(NUM_JOINTS, -np.inf)
    world.hand.sweep()
    for _ in range(60_000):
        world(LIMP, LIMP, 0.002)
        position = world.arm.joint_position()
        low, high = np.minimum(low, position), np.maximum(high, position)
        if not world.hand.busy:
            break
    assert not world.hand.busy
    assert np.abs(low - LOWER_RAD).max() < 0.05
    assert np.abs(high - UPPER_RAD).max() < 0.05


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
