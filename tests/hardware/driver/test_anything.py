"""Everything at once, at random: whatever happens, goals stay within limits and start where the arm is."""

from __future__ import annotations

from concurrent.futures import Future

import numpy as np
import pytest
from tests.hardware.driver.fake_arm import LARGEST_STEP_RAD, FakeArm

from so_arm.core.poses import HOME_POSE
from so_arm.hardware.driver.status import Mode
from so_arm.hardware.feetech.errors import ServoFault

HOME = np.array(HOME_POSE)


def disturb(arm: FakeArm, rng: np.random.Generator) -> None:
    joint = int(rng.integers(6))
    match int(rng.integers(20)):
        case 0:
            arm.logic.estopped = not arm.logic.estopped
        case 1:
            arm.logic.torque_off = True
        case 2 if not (arm.logic.health.heat.hot or arm.logic.health.encoder.suspects):
            arm.logic.accept_pose(arm.now_s)
        case 3:
            arm.logic.go_home(Future(), arm.now_s)
        case 4:
            arm.silent = not arm.silent
        case 5:
            arm.slip[joint] += int(rng.integers(-900, 900))
        case 6:
            arm.slip[:] = 0
        case 7:
            arm.temperature[joint] = int(rng.choice([30, 57, 70]))
        case 8:
            arm.voltage[joint] = float(rng.choice([3.9, 7.4]))
        case 9:
            arm.load[joint] = float(rng.choice([0.0, 0.95]))
        case 10:
            arm.faults[joint] = ServoFault(int(rng.choice([0, int(ServoFault.OVERLOAD)])))
        case 11:
            arm.torque[joint] = False
        case 12:
            arm.logic.disconnected()
            arm.torque = [False] * 6
        case _:
            arm.silent, arm.logic.estopped, arm.logic.torque_off = False, False, False
            arm.slip[:] = 0
            if not arm.logic.health.heat.hot:
                arm.logic.accept_pose(arm.now_s)


@pytest.mark.parametrize("seed", range(12))
def test_no_goal_outside_of_limits_and_no_step_but_to_where_the_arm_is(seed: int) -> None:
    rng = np.random.default_rng(seed)
    arm = FakeArm(lower_after=1.0)
    lower, upper = np.array(arm.logic.gate.lower), np.array(arm.logic.gate.upper)
    seen = set()
    command = HOME
    before: np.ndarray | None = None
    for k in range(3000):
        if rng.random() < 0.01:
            disturb(arm, rng)
        if rng.random() < 0.02:
            command = rng.uniform(-3, 3, 6)
        raw = arm.logic.health.raw
        reads = [] if raw is None else [np.array(raw.position)]
        arm.cycle(command if k % 3 == 0 and (k // 400) % 2 == 0 else None)
        seen.add(arm.logic.mode)
        goal = None if arm.order.goal is None else np.array(arm.order.goal)
        raw = arm.logic.health.raw
        if goal is not None:
            assert np.isfinite(goal).all()
            # As read before or after this cycle, or on from the last goal.
            reads = reads if raw is None else [*reads, np.array(raw.position)]
            known = reads if before is None else [*reads, before]
            low, high = np.min(known, axis=0) - LARGEST_STEP_RAD, np.max(known, axis=0) + LARGEST_STEP_RAD
            assert np.all((goal >= low) & (goal <= high)), "a step that leads neither on nor to the arm"
            outside = (goal < lower - 1e-9) | (goal > upper + 1e-9)
            away = np.min(np.abs(goal - reads), axis=0) > LARGEST_STEP_RAD
            assert not np.any(outside & away), "beyond limits, and not where the arm is"
        before = goal
    assert len(seen) >= 4 and Mode.FOLLOWING in seen, "the test does not say much when nothing happens"
