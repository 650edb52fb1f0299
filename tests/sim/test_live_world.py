"""The scene on its own time: placed and judged as the environment does it, one tick after the other."""

from __future__ import annotations

import itertools
import threading
import time

import numpy as np
import pytest

from so_arm.core.calibration import nominal_calibration
from so_arm.core.episode_info import EpisodeInfo
from so_arm.core.episode_record import NO_ANSWER, EpisodeRecord, record_path
from so_arm.core.errors import UserError
from so_arm.core.ticks import TickScale
from so_arm.sim.env import SoArmEnv
from so_arm.sim.live_episodes import LiveEpisodes
from so_arm.sim.live_world import LiveWorld, Tick
from so_arm.sim.start import HOME_RAD

CALIBRATION = nominal_calibration()
GOAL = TickScale(CALIBRATION).exact_ticks_from_rad(HOME_RAD)
ALL = np.ones(6)


@pytest.fixture
def world() -> LiveWorld:
    """At home, where episodes start."""
    world = LiveWorld(CALIBRATION, horizon=3)
    world.arm.reset(HOME_RAD)
    world.place(5)
    return world


def step(world: LiveWorld, steps: int) -> None:
    for _ in range(steps):
        world(GOAL, ALL, 0.002)


def test_objects_start_where_the_environment_puts_them(world: LiveWorld):
    env = SoArmEnv()
    for seed in (5, 100_003):
        observation, _ = env.reset(seed=seed)
        world.place(seed)
        assert np.array_equal(world.task.observe(), observation["objects"])


def test_ticks_come_after_16_17_and_17_steps_and_the_horizon_ends_them(world: LiveWorld):
    ticks: list[Tick] = []
    world.on_tick = ticks.append
    number, _, state, _ = world.begin()
    assert state.tick == 0
    for steps in (16, 17, 17):
        step(world, steps - 1)
        before = len(ticks)
        step(world, 1)
        assert len(ticks) == before + 1
    verdicts = [tick.verdict for tick in ticks]
    assert [verdict.state.tick for verdict in verdicts] == [1, 2, 3]
    assert [verdict.over for verdict in verdicts] == [False, False, True]
    assert verdicts[-1].failure == "no_approach"
    assert {tick.episode for tick in ticks} == {number}
    step(world, 17)
    assert ticks[-1].verdict is None and ticks[-1].episode == 0
    assert np.array_equal(ticks[0].snapshot[-3:], world.arm.data.mocap_pos[0])
    assert ticks[1].goal == pytest.approx(HOME_RAD)
    assert all(later.before_ns >= earlier.stamp_ns for earlier, later in itertools.pairwise(ticks))


def test_judged_as_the_environment_judges(world: LiveWorld):
    """The same scene under the same goals gets the same states and rewards."""
    env = SoArmEnv(horizon=3)
    env.reset(seed=5)
    env.arm.reset(HOME_RAD)
    env.task.initialize(env.arm, _after_start(5))
    env.arm.settle()
    env.hold_here()
    env.judge.begin()
    ticks: list[Tick] = []
    world.on_tick = ticks.append
    world.begin()
    step(world, 50)
    for tick in ticks:
        _, reward, _, truncated, info = env.step(world.arm.joint_target())
        assert tick.verdict is not None
        assert (tick.verdict.reward, tick.verdict.truncated) == (pytest.approx(reward), truncated)
        assert tick.verdict.state.gripper_position == pytest.approx(info["state"].gripper_position)


def _after_start(seed: int) -> np.random.Generator:
    from so_arm.sim.start import draw_start

    rng = np.random.default_rng(seed)
    draw_start(rng)
    return rng


def test_an_arm_that_is_not_at_home_starts_nothing():
    with pytest.raises(UserError, match=r"elbow_flex is 0\.\d+ rad away .* drive the arm home first"):
        LiveWorld(CALIBRATION).check_start()


class Heard:
    def __init__(self) -> None:
        self.infos: list[EpisodeInfo] = []
        self.states: list[tuple[int, int]] = []

    def episode(self, info: EpisodeInfo) -> None:
        self.infos.append(info)

    def state(self, stamp_ns, state) -> None:
        self.states.append((stamp_ns, state.tick))

    def objects(self, stamp_ns, objects) -> None:
        pass

    def wait_for(self, phase: str) -> EpisodeInfo:
        deadline = time.monotonic() + 20.0
        while self.infos[-1].phase != phase:
            assert time.monotonic() < deadline, self.infos
            time.sleep(0.002)
        return self.infos[-1]


@pytest.fixture
def episodes(world: LiveWorld, tmp_path):
    """With somebody who steps the world all the time."""
    heard = Heard()
    episodes = LiveEpisodes(world, heard, seed=7, record_dir=tmp_path, settle_s=0.0)
    episodes.open()
    stopping = threading.Event()

    def run() -> None:
        while not stopping.is_set():
            step(world, 1)
            time.sleep(0.0002)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield episodes, heard
    stopping.set()
    thread.join()
    episodes.close()


def test_an_episode_from_start_to_record(episodes, tmp_path):
    episodes, heard = episodes
    assert "seed 7 started" in episodes.start()
    with pytest.raises(UserError, match="is running"):
        episodes.start()
    episodes.answered(4_000_000)
    info = heard.wait_for("ended")
    assert (info.seed, info.outcome, info.failure, info.steps) == (7, "failure", "no_approach", 3)
    assert heard.infos[-2].start_stamp_ns == heard.states[0][0]
    assert [tick for _, tick in heard.states] == [0, 1, 2, 3]
    record = EpisodeRecord.load(record_path(tmp_path, 7))
    assert record.action == pytest.approx(np.tile(HOME_RAD, (3, 1)))
    assert sorted(record.latency_ns.tolist()) == [NO_ANSWER, NO_ANSWER, 4_000_000]
    assert (np.diff(record.stamp_ns) > 0).all() and record.stamp_ns[0] >= info.start_stamp_ns


def test_ticks_count_from_the_announced_start_however_long_its_listeners_take(world: LiveWorld):
    """Else rewards lie between the rows of a recording, which has its own ticks from that start."""
    now_ns = 7_000_000_000

    def go_on(steps: int) -> None:
        nonlocal now_ns
        for _ in range(steps):
            now_ns += 2_000_000
            step(world, 1)

    class Slow(Heard):
        def episode(self, info: EpisodeInfo) -> None:
            super().episode(info)
            if info.phase == "running":
                go_on(8)  # 16 ms, half a tick

    world.clock = lambda: now_ns
    heard = Slow()
    episodes = LiveEpisodes(world, heard, seed=7, settle_s=0.0)
    episodes.open()
    go_on(1)
    episodes.start()
    go_on(42)
    start_ns = heard.wait_for("ended").start_stamp_ns
    episodes.close()
    assert [stamp_ns - start_ns for stamp_ns, _ in heard.states] == [0, 32_000_000, 66_000_000, 100_000_000]
    assert [tick for _, tick in heard.states] == [0, 1, 2, 3]


def test_a_person_may_judge(episodes, world: LiveWorld):
    episodes, heard = episodes
    world._judge.horizon = 10_000
    for verdict, outcome, failure in (("succeed", "success", ""), ("fail", "failure", "judged_failed")):
        episodes.start()
        assert outcome in getattr(episodes, verdict)()
        assert (heard.infos[-1].outcome, heard.infos[-1].failure) == (outcome, failure)
    assert episodes.keeper.next_seed == 9


def test_stop_discard_and_reset(episodes, world: LiveWorld, tmp_path):
    episodes, heard = episodes
    world._judge.horizon = 10_000
    episodes.start()
    assert "discarded" in episodes.discard()
    assert episodes.keeper.next_seed == 7 and list(tmp_path.iterdir()) == []
    episodes.start()
    assert "stopped" in episodes.stop()
    assert episodes.keeper.next_seed == 8 and record_path(tmp_path, 7).is_file()
    with pytest.raises(UserError, match="no episode"):
        episodes.stop()
    assert episodes.reset_world() == "world reset to seed 8"
    assert heard.infos[-1].phase == "idle"
