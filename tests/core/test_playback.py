import numpy as np
import pytest

from so_arm.core.playback import Playback, approach, play

FIRST = np.full(6, 0.5)


def way(pose, state=FIRST):
    return approach(pose, state, FIRST, velocity=0.5, period_s=0.02, rest_s=0.1)


def test_the_way_is_slow_starts_where_the_arm_is_and_ends_with_a_rest():
    made = way(np.array([0.0, 0.5, 0.4, 0.5, 0.5, 1.0]))
    assert np.allclose(made.position[0], [0.0, 0.5, 0.4, 0.5, 0.5, 1.0])
    assert np.abs(np.diff(made.position, axis=0)).max() <= 0.5 * 0.02 + 1e-12
    assert (made.position[-5:] == FIRST).all()
    assert len(made) == 50 + 5
    assert np.allclose(np.diff(made.time_s), 0.02)


def test_it_leads_past_the_place_where_the_recorded_arm_was():
    made = way(np.zeros(6), state=FIRST + 0.1)
    assert (made.position == FIRST + 0.1).all(axis=1).any()
    assert np.abs(np.diff(made.position, axis=0)).max() <= 0.5 * 0.02 + 1e-12
    assert len(made) == 60 + 10 + 5


def test_an_arm_that_is_there_already_only_rests():
    assert (way(FIRST).position == FIRST).all()


def test_play_sends_each_command_when_it_is_due_and_a_late_one_delays_no_other():
    now, sent = [100.0], []

    def command(position):
        sent.append((now[0], position.copy()))
        if len(sent) == 2:
            now[0] += 0.075  # busy

    def sleep(seconds):
        now[0] += seconds

    recording = Playback(np.array([0.0, 0.03, 0.07, 0.1]), np.arange(24).reshape(4, 6) / 10)
    assert play(recording, command, clock=lambda: now[0], sleep=sleep) == pytest.approx(100.0)
    late = np.array([at for at, _ in sent]) - 100.0 - recording.time_s
    assert late == pytest.approx([0.0, 0.0, 0.035, 0.005])
    assert np.array_equal([position for _, position in sent], recording.position)
