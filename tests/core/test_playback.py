import numpy as np
import pytest

from so_arm.core.playback import plan_playback, play

TIMES = np.arange(5) / 30
ACTION = np.linspace(0.5, 0.6, 5)[:, None] * np.ones(6)


def plan(pose, state=ACTION[0]):
    return plan_playback(pose, state, ACTION, TIMES, velocity=0.5, period_s=0.02, rest_s=0.1)


def test_the_way_to_the_first_command_is_slow_and_starts_where_the_arm_is():
    made = plan(np.array([0.0, 0.5, 0.4, 0.5, 0.5, 1.0]))
    steps = np.abs(np.diff(made.position[made.time_s < made.begin_s], axis=0))
    assert np.allclose(made.position[0], [0.0, 0.5, 0.4, 0.5, 0.5, 1.0])
    assert steps.max() <= 0.5 * 0.02 + 1e-12
    assert made.begin_s == pytest.approx(0.5 / 0.5 + 0.1)


def test_the_recording_keeps_its_times_and_commands():
    made = plan(np.zeros(6))
    assert np.allclose(made.time_s[-5:] - made.begin_s, TIMES)
    assert np.array_equal(made.position[-5:], ACTION)
    assert (np.diff(made.time_s) > 0).all()


def test_the_way_leads_past_the_place_where_the_recorded_arm_was():
    made = plan(np.zeros(6), state=ACTION[0] + 0.1)
    on_the_way = made.position[made.time_s < made.begin_s]
    assert (on_the_way == ACTION[0] + 0.1).all(axis=1).any()
    assert np.abs(np.diff(on_the_way, axis=0)).max() <= 0.5 * 0.02 + 1e-12
    assert made.begin_s == pytest.approx(0.6 / 0.5 + 0.1 / 0.5 + 0.1)


def test_an_arm_that_is_there_already_only_rests():
    assert plan(ACTION[0]).begin_s == pytest.approx(0.1)


def test_play_sends_each_command_when_it_is_due_and_a_late_one_delays_no_other():
    now, sent = [100.0], []

    def command(position):
        sent.append((now[0], position.copy()))
        if len(sent) == 2:
            now[0] += 0.025  # busy

    def sleep(seconds):
        now[0] += seconds

    made = plan(ACTION[0])
    began = play(made, command, clock=lambda: now[0], sleep=sleep)
    late = np.array([at for at, _ in sent]) - 100.0 - made.time_s
    assert began == pytest.approx(100.0 + made.begin_s)
    assert late[2] == pytest.approx(0.005)
    assert np.abs(np.delete(late, 2)).max() < 1e-9
    assert np.array_equal([position for _, position in sent], made.position)
