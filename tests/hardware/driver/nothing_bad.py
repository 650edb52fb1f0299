"""What must hold whatever goes wrong: goals within limits and without jumps, and states that are as old as they say."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from tests.hardware.driver.emulated_arm import CALIBRATION, SCALE, Record

from so_arm.core.joints import LOWER_RAD, MAX_VELOCITY_RAD_S, UPPER_RAD

#: A goal may start anew from a position that the driver has read within that time [ns].
_READ_NS = 200_000_000
#: Goals and positions are rounded to ticks.
_ROUNDING = 1


class Seen(NamedTuple):
    """A state as somebody outside of the driver got it. Times on the monotonic clock."""

    arrived_ns: int
    stamp_ns: int
    position: np.ndarray  #: (6,) [rad]


def check_goals(record: Record, period_s: float) -> float:
    """Every goal on the wire within the calibrated range, and either one step from the goal before or towards where
    the arm was read to be. Returns the largest change [rad] between two goals of one joint.
    """
    at_ns, read = _positions(record)
    joints = CALIBRATION.in_order()
    joint_of = {joint.id: k for k, joint in enumerate(joints)}
    rad_per_tick = np.abs(SCALE.rad_from_ticks(np.ones(6)) - SCALE.rad_from_ticks(np.zeros(6)))
    step = MAX_VELOCITY_RAD_S * period_s / rad_per_tick + _ROUNDING
    ends = [np.rint(SCALE.exact_ticks_from_rad(limit)) for limit in (LOWER_RAD, UPPER_RAD)]
    low, high = np.minimum(*ends), np.maximum(*ends)
    before: dict[int, int] = {}
    largest = 0.0
    for sent_ns, goals in record.goals:
        first, last = np.searchsorted(at_ns, (sent_ns - _READ_NS, sent_ns))
        reads = read[max(first - 1, 0) : last + 1]
        for servo_id, goal in goals.items():
            k = joint_of[servo_id]
            assert joints[k].range_min <= goal <= joints[k].range_max, f"goal {goal} of servo {servo_id}: range"
            known = [*reads[:, k].tolist(), *([before[servo_id]] if servo_id in before else [])]
            near, far = min(known) - step[k], max(known) + step[k]
            what = f"goal {goal} of servo {servo_id} leads neither on nor to the arm: {before.get(servo_id)}, {known}"
            assert near <= goal <= far, what
            outside = not low[k] - _ROUNDING <= goal <= high[k] + _ROUNDING
            assert not outside or np.abs(reads[:, k] - goal).min() <= step[k], f"goal {goal} of servo {servo_id}: limit"
            largest = max(largest, abs(goal - before.get(servo_id, goal)) * float(rad_per_tick[k]))
            before[servo_id] = goal
    return largest


def check_states(record: Record, states: Sequence[Seen]) -> float:
    """Every state is what the servos had in their registers between its stamp and its arrival. Returns the largest
    age at arrival [s].
    """
    at_ns, read = _positions(record)
    assert all(a.stamp_ns < b.stamp_ns for a, b in itertools.pairwise(states)), "stamps do not grow"
    for state in states:
        assert state.stamp_ns <= state.arrived_ns, "from the future"
        first, last = np.searchsorted(at_ns, (state.stamp_ns, state.arrived_ns))
        window = read[first : last + 1]
        ticks = SCALE.exact_ticks_from_rad(state.position)
        fits = (ticks >= window.min(axis=0) - _ROUNDING) & (ticks <= window.max(axis=0) + _ROUNDING)
        assert fits.all(), f"position {ticks} at no time since its stamp: {window[0]} to {window[-1]}"
    return max((state.arrived_ns - state.stamp_ns) * 1e-9 for state in states)


def _positions(record: Record) -> tuple[np.ndarray, np.ndarray]:
    return np.array([entry.at_ns for entry in record.positions]), np.array([e.ticks for e in record.positions])
