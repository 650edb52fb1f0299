"""Whom to ask again, and for which length."""

from __future__ import annotations

from so_arm.hardware.feetech.losses import LATEST_ANSWER_S, PATIENT_SWEEPS, PAUSE_S, RETRIED_SWEEPS, LossMemory


def test_a_lost_servo_is_not_asked_for_the_same_length_while_a_late_answer_may_come():
    memory = LossMemory(range(15, 20))
    assert memory.length((1, 2), 0.0) == 15
    memory.lost(1, 15, 0.0)
    assert memory.length((1, 2), 0.1) == 16
    assert memory.length((2,), 0.1) == 15
    memory.lost(2, 16, 0.1)
    assert memory.length((1, 2), 0.2) == 17
    assert memory.length((1, 2), 0.11 + LATEST_ANSWER_S) == 15


def test_the_oldest_length_comes_back_when_all_are_used():
    memory = LossMemory(range(15, 17))
    memory.lost(1, 15, 0.0)
    memory.lost(1, 16, 0.1)
    assert memory.length((1,), 0.2) == 15


def test_a_servo_that_stays_lost_is_asked_now_and_then():
    memory = LossMemory(range(15, 20))
    for sweep in range(PATIENT_SWEEPS):
        assert memory.due((1, 2), sweep * 0.001) == (1, 2)
        memory.lost(1, 15, sweep * 0.001)
        memory.end_of_sweep((2,), (1,))
        assert memory.again((1, 2)) == ((1, 2) if sweep + 1 < RETRIED_SWEEPS else (2,))
    last = (PATIENT_SWEEPS - 1) * 0.001
    assert memory.due((1, 2), last + PAUSE_S / 2) == (2,)
    assert memory.due((1, 2), last + PAUSE_S) == (1, 2)
    memory.end_of_sweep((1,), ())
    assert memory.again((1,)) == (1,)
