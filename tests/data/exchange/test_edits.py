import numpy as np
import pytest
from tests.data.exchange.datasets import LAYOUT, STATIC, WRIST, make_episode
from tests.data.exchange.refusals import refusal

from so_arm.data.dataset_schema import ACTION, STATE
from so_arm.data.exchange.edits import Edits, keep_rows, working_rows
from so_arm.data.exchange.episode import Episode


def of_actions(actions, **columns):
    actions = np.asarray(actions, np.float32)
    return Episode({ACTION: actions, **columns}, {STATIC: np.arange(len(actions))[:, None, None, None]}, "")


def test_a_lower_rate_takes_every_nth_row():
    episode = make_episode(0)
    edits = Edits(fps=10)
    shorter = edits.apply(LAYOUT, episode)
    assert edits.layout(LAYOUT).fps == 10
    assert len(shorter) == 6
    for key in (ACTION, STATE):
        assert np.array_equal(shorter.columns[key], episode.columns[key][::2])
    images = list(shorter.images())
    assert len(images) == 6
    assert np.array_equal(images[3][WRIST], list(episode.images())[6][WRIST])


def test_nothing_that_happened_is_lost_between_rows():
    episode = make_episode(0)  # 12 rows: with 5 per second the last row kept is number 8
    shorter = Edits(fps=5).apply(LAYOUT, episode)
    assert len(shorter) == 3
    assert shorter.columns["reward"].sum() == pytest.approx(episode.columns["reward"].sum())
    assert shorter.columns["success"].ravel().tolist() == [False, False, True]
    assert shorter.columns["success"].dtype == bool


def test_rates_that_do_not_divide_are_refused_with_those_that_do():
    assert "1, 2, 4, 5, 10, 20" in refusal(Edits(fps=7).layout, LAYOUT)
    assert "1, 2, 4, 5, 10, 20" in refusal(Edits(fps=40).layout, LAYOUT)


def test_motions_of_left_out_rows_add_up():
    deltas = [[0.1, 0, 0, 0, 0, 0, -1], [0.2, 0, 0, 0, 0, 0, -1], [0.4, 0, 0, 0, 0, 0, 1], [0.8, 0, 0, 0, 0, 0, 1]]
    shorter = keep_rows(of_actions(deltas), np.array([0, 2]), delta_actions=True)
    assert np.allclose(shorter.columns[ACTION][:, 0], [0.3, 1.2])
    assert shorter.columns[ACTION][:, -1].tolist() == [-1, 1]


def test_no_ops_of_deltas_are_small_motions_with_the_gripper_as_before():
    still, move = [0.0] * 6, [0.5, 0, 0, 0, 0, 0]
    actions = [[*still, -1], [*move, -1], [*still, -1], [*still, 1], [*still, 1], [9e-5, 0, 0, 0, 0, 0, 1], [*move, 1]]
    assert working_rows(of_actions(actions), delta_actions=True).tolist() == [1, 3, 6]


def test_no_ops_of_targets_are_targets_that_stay():
    targets = [[1, 2], [1, 2], [1.00005, 2], [1.00015, 2], [1.00015, 2.5], [1.00015, 2.5]]
    assert working_rows(of_actions(targets), delta_actions=False).tolist() == [0, 3, 4]


def test_an_episode_of_no_ops_keeps_a_row_and_its_reward():
    reward = np.array([[0.0], [0.0], [1.0]], np.float32)
    episode = of_actions(np.zeros((3, 7)), reward=reward)
    assert working_rows(episode, delta_actions=True).tolist() == [0]
    assert keep_rows(episode, np.array([0]), True).columns["reward"].tolist() == [[1.0]]


def test_images_are_turned_by_180_degrees():
    turned = Edits(rotate_images=True).apply(LAYOUT, make_episode(1))
    for image, before in zip(turned.images(), make_episode(1).images(), strict=True):
        assert np.array_equal(image[STATIC][0, 0], before[STATIC][-1, -1])
        assert np.array_equal(np.rot90(before[WRIST], 2), image[WRIST])
