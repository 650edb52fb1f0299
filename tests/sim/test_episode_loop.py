import errno
import math
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest

from so_arm.core.episode_info import EpisodeInfo
from so_arm.core.episode_record import NO_ANSWER, EpisodeRecord
from so_arm.core.errors import UserError
from so_arm.rewards.state import RewardState
from so_arm.sim.env import SoArmEnv
from so_arm.sim.episode_loop import EpisodeLoop
from so_arm.sim.mailbox import Command

HORIZON = 12


class FakeGraph:
    """Answers every observation of a running episode like a policy would; keeps all it saw."""

    def __init__(self, lockstep: bool, env: SoArmEnv, record_dir: Path | None = None) -> None:
        self.events: list[tuple[str, object]] = []
        self.stamps: list[int] = []
        self.positions: list[np.ndarray] = []
        self.answers = True
        self.offset = 0.02
        self.loop = EpisodeLoop(env, self, lockstep, seed=7, resend_s=0.02, record_dir=record_dir)
        self.thread = threading.Thread(target=self.loop.run, daemon=True)
        self.thread.start()

    def episode(self, info: EpisodeInfo) -> None:
        self.events.append((info.phase, info))

    def observation(self, stamp_ns: int, observation: Mapping[str, np.ndarray], state: RewardState) -> int:
        self.events.append(("observation", stamp_ns))
        self.stamps.append(stamp_ns)
        self.positions.append(observation["joint_position"])
        if self.answers:
            action = observation["joint_position"] + self.offset
            self.loop.mailbox.put(Command(stamp_ns, action, time.perf_counter_ns()))
        return time.perf_counter_ns()

    def wait_for(self, phase: str) -> EpisodeInfo:
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            for name, info in list(self.events)[::-1]:
                if isinstance(info, EpisodeInfo):
                    if name == phase:
                        return info
                    break
            time.sleep(0.005)
        raise AssertionError(f"no phase '{phase}' in time")

    def close(self) -> None:
        self.loop.mailbox.close()
        self.thread.join(5)
        assert not self.thread.is_alive()


@pytest.fixture
def env() -> SoArmEnv:
    return SoArmEnv(horizon=HORIZON)


@pytest.fixture
def lockstep(env: SoArmEnv, tmp_path: Path) -> Iterator[FakeGraph]:
    graph = FakeGraph(True, env, tmp_path)
    yield graph
    graph.close()


@pytest.fixture
def real_time(env: SoArmEnv) -> Iterator[FakeGraph]:
    graph = FakeGraph(False, env)
    yield graph
    graph.close()


def ask(graph: FakeGraph, name: str, *arguments: bool) -> str:
    return graph.loop.mailbox.request(lambda: getattr(graph.loop, name)(*arguments))


def test_nan_holds_the_arm_and_is_counted(lockstep: FakeGraph) -> None:
    lockstep.offset = math.nan
    ask(lockstep, "start")
    info = lockstep.wait_for("ended")
    assert info.steps == HORIZON
    assert np.ptp(lockstep.positions, axis=0).max() < 0.05
    assert lockstep.loop.counts["elbow_flex is not finite"] == HORIZON


def test_lockstep_equals_the_gym_rollout(lockstep: FakeGraph, tmp_path: Path) -> None:
    ask(lockstep, "start")
    info = lockstep.wait_for("ended")
    env = SoArmEnv(horizon=HORIZON)
    observation, _ = env.reset(seed=7)
    rewards, positions, total, done = [], [], 0.0, False
    while not done:
        positions.append(observation["joint_position"])
        observation, reward, terminated, truncated, outcome = env.step(positions[-1] + 0.02)
        rewards.append(reward)
        total += reward
        done = terminated or truncated
    record = EpisodeRecord.load(tmp_path / "episode_7.npz")
    assert np.array_equal(record.joint_position, positions)
    assert np.array_equal(record.reward, rewards)
    assert np.array_equal(record.snapshots[-1], env.snapshot())
    assert info.reward == total
    assert (info.seed, info.outcome, info.failure) == (7, "failure", outcome["failure"])
    assert np.all(record.latency_ns != NO_ANSWER)
    assert np.all(np.diff(record.stamp_ns) // 1000 == 33333)


def test_order_episode_first_then_observations_then_the_end(lockstep: FakeGraph) -> None:
    ask(lockstep, "start")
    first = lockstep.wait_for("ended")
    names = [name for name, _ in lockstep.events]
    assert names == ["idle", "running", *["observation"] * (HORIZON + 1), "ended"]
    assert lockstep.stamps[0] == first.start_stamp_ns
    ask(lockstep, "start")
    second = lockstep.wait_for("ended")
    assert second.seed == 8 and second.id != first.id
    assert np.all(np.diff(lockstep.stamps) > 0), "stamps rise over episodes"


def test_time_stands_still_without_an_answer_and_the_observation_is_repeated(lockstep: FakeGraph) -> None:
    lockstep.answers = False
    ask(lockstep, "start")
    time.sleep(0.1)
    assert len(set(lockstep.stamps)) == 1 and len(lockstep.stamps) > 2
    foreign = Command(lockstep.stamps[0] + 1, np.zeros(6), 0)
    lockstep.loop.mailbox.put(foreign)
    time.sleep(0.05)
    assert len(set(lockstep.stamps)) == 1, "a command with another stamp is no answer"
    lockstep.answers = True
    lockstep.wait_for("ended")


def test_pause_stop_discard_and_reset(lockstep: FakeGraph, tmp_path: Path) -> None:
    lockstep.answers = False
    with pytest.raises(UserError, match="no episode is running"):
        ask(lockstep, "stop")
    ask(lockstep, "start")
    with pytest.raises(UserError, match="is running; stop or discard it first"):
        ask(lockstep, "start")
    ask(lockstep, "discard")
    assert lockstep.wait_for("ended").outcome == "discarded"
    assert not list(tmp_path.iterdir())
    assert "seed 7" in ask(lockstep, "start")
    ask(lockstep, "set_pause", True)
    lockstep.answers = True
    seen = len(lockstep.stamps)
    time.sleep(0.1)
    assert len(lockstep.stamps) == seen
    ask(lockstep, "set_pause", False)
    assert lockstep.wait_for("ended").outcome == "failure"
    ask(lockstep, "reset_world")
    assert lockstep.events[-2][0] == "idle"


@pytest.mark.parametrize(
    ("verdict", "outcome", "failure"), [("succeed", "success", ""), ("fail", "failure", "judged_failed")]
)
def test_a_person_may_judge(lockstep: FakeGraph, tmp_path: Path, verdict: str, outcome: str, failure: str) -> None:
    lockstep.answers = False
    with pytest.raises(UserError, match="no episode is running"):
        ask(lockstep, verdict)
    ask(lockstep, "start")
    assert outcome in ask(lockstep, verdict)
    info = lockstep.wait_for("ended")
    assert (info.outcome, info.failure) == (outcome, failure)
    assert (tmp_path / "episode_7.npz").is_file()
    assert "seed 8" in ask(lockstep, "start")


def test_estop_and_torque(lockstep: FakeGraph) -> None:
    lockstep.answers = False
    ask(lockstep, "start")
    ask(lockstep, "estop", True)
    assert lockstep.wait_for("ended").outcome == "estop"
    with pytest.raises(UserError, match="emergency stop is engaged; release it first"):
        ask(lockstep, "start")
    ask(lockstep, "estop", False)
    ask(lockstep, "enable_torque", False)
    with pytest.raises(UserError, match="torque is off"):
        ask(lockstep, "start")
    ask(lockstep, "enable_torque", True)
    ask(lockstep, "start")
    lockstep.wait_for("running")


def test_real_time_ticks_on_the_clock_with_the_newest_command(real_time: FakeGraph) -> None:
    ask(real_time, "start")
    begun = time.monotonic()
    info = real_time.wait_for("ended")
    elapsed = time.monotonic() - begun
    assert (info.outcome, info.steps) == ("failure", HORIZON)
    assert abs(elapsed - HORIZON / 30) < 0.15
    assert abs(info.start_stamp_ns * 1e-9 - time.time()) < 5
    assert real_time.loop.counts["ticks_without_command"] == 0


def test_real_time_holds_without_commands_and_limp_arms_fall(real_time: FakeGraph) -> None:
    real_time.answers = False
    ask(real_time, "start")
    real_time.wait_for("ended")
    assert real_time.loop.counts["ticks_without_command"] == HORIZON
    assert np.ptp(real_time.positions, axis=0).max() < 0.05
    ask(real_time, "enable_torque", False)
    time.sleep(0.4)
    fallen = real_time.positions[-1].copy()
    assert np.abs(fallen - real_time.positions[0]).max() > 0.1
    ask(real_time, "enable_torque", True)
    time.sleep(0.2)
    assert np.abs(real_time.positions[-1] - real_time.positions[-3]).max() < 0.02, "no jump back"


def test_a_full_disk_costs_the_record_but_not_the_end_of_the_episode(
    env: SoArmEnv, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    sink = FakeSink()
    loop = EpisodeLoop(env, sink, True, 0, record_dir=tmp_path)
    loop.start()
    with pytest.raises(UserError, match="no space left on the disk"):
        loop.stop()
    assert sink.phases[-1] == "ended"
    assert list(tmp_path.iterdir()) == []


class FakeSink:
    def __init__(self) -> None:
        self.phases: list[str] = []

    def episode(self, info: EpisodeInfo) -> None:
        self.phases.append(info.phase)

    def observation(self, stamp_ns: int, observation: Mapping[str, np.ndarray], state: RewardState) -> int:
        return 0
