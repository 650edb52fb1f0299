import sys
from pathlib import Path

import numpy as np
import pytest

from so_arm.core.clock import CONTROL_PERIOD_S
from so_arm.core.episode_phase import Phase
from so_arm.core.joints import GRIPPER
from so_arm.core.worker_pool import work_in_processes
from so_arm.learning.evaluation import run_episode

sys.path.insert(0, str(Path(__file__).parent))
import fake_scenes
from fake_scenes import FakeScene, MoreGripper, watch


def test_the_outcome_is_that_of_an_episode_that_nobody_watches():
    for seed in (3, 4):
        assert watch(seed).result == run_episode(FakeScene(), fake_scenes.controller(), seed)


def test_how_far_it_came_and_when():
    lost = watch(3)
    assert (lost.outcome, lost.phase, lost.progress_s) == ("missed_grasp", Phase.LIFTED, 10 / 30)


def test_a_scene_to_draw_for_each_tick_and_the_one_before():
    episode = watch(4)
    assert episode.snapshots.dtype == np.float32
    assert episode.snapshots[:, 0].tolist() == list(range(episode.result.steps + 1))


def test_smoothness_is_that_of_the_commands():
    commands = []
    env, controller = FakeScene(), fake_scenes.controller()
    run_episode(env, controller, 3, lambda *_: commands.append(env.command))
    second = np.diff(np.array(commands), n=2, axis=0) / CONTROL_PERIOD_S**2
    assert watch(3).smoothness == pytest.approx(np.sqrt((second**2).mean()))


def test_use_of_the_residual():
    assert watch(3).residual is None
    use = watch(3, MoreGripper(1.0)).residual
    assert use.ticks == 20 and (use.above_bound, use.pushed_outside) == (0, 0)
    assert (use.rms[GRIPPER], use.largest[GRIPPER]) == pytest.approx((np.tanh(1.0),) * 2)
    assert use.rms[:GRIPPER] == (0.0,) * GRIPPER and use.saturated == (0.0,) * 6
    assert watch(3, MoreGripper(9.0)).residual.saturated[GRIPPER] == 1.0


@pytest.mark.parametrize("delay", [1, 3])
def test_with_a_late_policy_the_arm_holds_until_the_first_chunk(delay: int):
    episode = watch(3, MoreGripper(), delay)
    assert episode.residual.ticks == episode.result.steps - delay


def test_a_residual_hears_of_every_episode():
    residual = MoreGripper()
    watch(3, residual)
    watch(5, residual)
    assert residual.episodes == 2


def test_processes_give_the_same_in_the_order_of_the_jobs():
    jobs = [(corrected, seed) for seed in range(7, 10) for corrected in (False, True)]
    heard = []
    spread = work_in_processes(fake_scenes.worker, jobs, 2, heard.append)
    assert spread == [fake_scenes.worker()(job) for job in jobs]
    assert len(heard) == len(jobs)
