import multiprocessing
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from so_arm.core.errors import UserError
from so_arm.learning.evaluation import evaluate, run_episode
from so_arm.learning.parallel_evaluation import evaluate_in_processes

sys.path.insert(0, str(Path(__file__).parent))
import fake_episodes
from fake_episodes import HORIZON, FakeEnv


def test_episode_ends_on_success_or_at_the_horizon():
    env, controller = fake_episodes.setup()
    won = run_episode(env, controller, 4)
    assert (won.success, won.failure, won.steps, won.seconds) == (True, None, 34, 34 / 30)
    lost = run_episode(env, controller, 3)
    assert (lost.success, lost.failure, lost.steps) == (False, "dropped", HORIZON)


def test_reward_is_the_sum_over_the_episode():
    env, controller = fake_episodes.setup()
    seen = []
    result = run_episode(env, controller, 3, lambda tick, before, action, reward: seen.append((tick, reward)))
    assert [tick for tick, _ in seen] == list(range(HORIZON))
    assert result.reward == sum(reward for _, reward in seen)


def test_evaluate_reports_each_episode_as_it_ends():
    _, controller = fake_episodes.setup()
    heard = []
    results = evaluate(FakeEnv(), controller, range(5, 8), heard.append)
    assert results == heard
    assert [result.seed for result in results] == [5, 6, 7]


def test_an_episode_does_not_depend_on_the_ones_before_it():
    _, controller = fake_episodes.setup()
    together = evaluate(FakeEnv(), controller, [3, 4, 5])
    assert evaluate(FakeEnv(), controller, [5]) == together[2:]


def test_processes_give_the_same_results_in_the_same_order():
    _, controller = fake_episodes.setup()
    seeds = range(10, 15)
    heard = []
    spread = evaluate_in_processes(fake_episodes.setup, seeds, 2, heard.append)
    assert spread == evaluate(FakeEnv(), controller, seeds)
    assert sorted(heard, key=lambda result: result.seed) == spread


def test_a_fault_in_a_worker_reaches_the_caller():
    with pytest.raises(UserError, match="no such policy"):
        evaluate_in_processes(fake_episodes.broken_setup, range(3), 2)
    assert multiprocessing.active_children() == []


def test_a_killed_worker_is_an_error_not_a_hang():
    with pytest.raises(UserError, match="worker process died"):
        evaluate_in_processes(fake_episodes.dying_setup, range(3), 1)


def test_an_interrupt_leaves_no_worker():
    main = threading.main_thread().ident
    threading.Timer(1.5, lambda: signal.pthread_kill(main, signal.SIGINT)).start()
    begun = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        evaluate_in_processes(fake_episodes.slow_setup, range(100, 104), 2)
    assert time.monotonic() - begun < 10.0
    assert multiprocessing.active_children() == []
