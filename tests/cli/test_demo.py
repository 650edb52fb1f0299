"""``so-arm demo`` with records of a stand-in for the node graph."""

from __future__ import annotations

import json
from pathlib import Path

import av
import numpy as np
import pytest

from so_arm.cli import demo_video, graph_rollouts
from so_arm.cli import main as cli_main
from so_arm.cli.options import Hardware
from so_arm.cli.rollouts import Rollouts
from so_arm.core.episode import EpisodeResult
from so_arm.core.episode_record import EpisodeRecord, record_path
from so_arm.core.errors import UserError
from so_arm.sim.env import SoArmEnv

TICKS = 8
PERIOD_NS = 33_333_333


def fake_graph(
    rollouts: Rollouts,
    log: Path,
    on_episode,
    *,
    lockstep,
    hardware=Hardware.mujoco,
    record_dir=None,
    view=False,
    on_ready=lambda node: None,
) -> list[EpisodeResult]:
    """Episodes of the arm at rest that "fail" for odd seeds, with a residual for none; the graph answers in 2 ms, one
    tick not at all."""
    assert not (lockstep and hardware is Hardware.emulated)
    on_ready("act_policy")
    env = SoArmEnv(rollouts.task, horizon=TICKS)
    results = []
    for seed in rollouts.seeds:
        env.reset(seed=seed)
        snapshots, rewards = [env.snapshot()], []
        for _ in range(TICKS):
            _, reward, *_ = env.hold()
            snapshots.append(env.snapshot())
            rewards.append(reward)
        latency_ns = np.full(TICKS, 2_000_000)
        latency_ns[3] = -1
        record = EpisodeRecord(
            snapshots=np.array(snapshots),
            joint_position=np.zeros((TICKS, 6)),
            action=np.zeros((TICKS, 6)),
            reward=np.array(rewards),
            stamp_ns=np.arange(TICKS) * PERIOD_NS,
            latency_ns=latency_ns,
            wall_ns=np.arange(TICKS) * 2 * PERIOD_NS,
        )
        if record_dir is not None:
            record.save(record_path(record_dir, seed))
        failure = "missed_grasp" if seed % 2 and rollouts.residual is None else None
        results.append(EpisodeResult(seed, failure is None, sum(rewards), TICKS, failure, TICKS / 30))
        on_episode(results[-1])
    log.write_text("[INFO] [launch]: all well\n")
    return results


@pytest.fixture
def demo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    """Runs ``so-arm demo`` in this process, in an empty folder, without ROS."""
    monkeypatch.setattr(cli_main, "_listen_to_signals", lambda *_: None)
    monkeypatch.setattr(graph_rollouts, "run_graph", fake_graph)
    for variable in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(variable, raising=False)
    policy = tmp_path / "policy"
    policy.mkdir()
    (policy / "config.json").write_text('{"input_features": {}}')
    monkeypatch.chdir(tmp_path)
    return lambda *words: cli_main.main(["demo", "--policy", "policy", *map(str, words)])


@pytest.fixture
def no_rendering(monkeypatch: pytest.MonkeyPatch):
    def black(task, snapshots, size, **_):
        return ((np.zeros((*size, 3), np.uint8),) * 2 for _ in snapshots)

    monkeypatch.setattr(demo_video, "render_frames", black)


def test_table_report_and_video(demo, no_rendering, capsys):
    assert demo("--episodes", 3, "--seed", 4, "--output", "run", "--json", "out.json") == 0
    shown = capsys.readouterr().out
    assert "no, missed grasp" in shown
    assert "66.7%   (95 % interval 20.8% to 93.9%)" in shown
    assert "p50 2.0 ms, p99 2.0 ms" in shown
    assert "real-time factor  0.50" in shown
    assert "unanswered        3 of 24 observations" in shown
    assert "JSON              out.json" in shown
    assert "act_policy is ready\n" in shown and "drawing the video (3 episodes, 24 frames)\n" in shown

    report = json.loads(Path("out.json").read_text())
    assert report == json.loads(Path("run/report.json").read_text())
    assert report["graph"]["unanswered"] == 3 and report["graph"]["ticks"] == 3 * TICKS
    assert [episode["seed"] for episode in report["episodes"]] == [4, 5, 6]
    with av.open("run/demo.mp4") as video:
        assert video.streams.video[0].codec_context.pix_fmt == "yuv420p"
        assert sum(1 for _ in video.decode(video=0)) >= 3 * TICKS


def test_emulated_hardware_is_compared_with_the_bridge(demo, no_rendering, capsys):
    assert demo("--hardware", "emulated", "--episodes", 3, "--seed", 4, "--output", "run") == 0
    shown = capsys.readouterr().out
    assert shown.count("66.7%   (95 % interval 20.8% to 93.9%)") == 2
    assert "the same seeds through the MuJoCo bridge, in lockstep" in shown
    assert "one lies within the other's interval" in shown
    report = json.loads(Path("run/report.json").read_text())
    assert report["meta"]["hardware"] == "emulated"
    bridge = report["comparison"]["mujoco_bridge"]
    assert [episode["seed"] for episode in bridge["episodes"]] == [4, 5, 6]
    assert bridge["meta"]["clock"] == "lockstep" and report["comparison"]["within"]


def test_a_residual_is_compared_with_the_policy_alone_on_the_same_seeds(demo, no_rendering, capsys, tmp_path):
    (tmp_path / "residual").mkdir()
    assert demo("--residual", "residual", "--episodes", 3, "--seed", 4, "--output", "run") == 0
    shown = capsys.readouterr().out
    assert "the same seeds without the residual, through the MuJoCo bridge in lockstep" in shown
    assert "success, policy + residual  100.0%   (95 % interval " in shown
    assert "success, policy alone       66.7%   (95 % interval 20.8% to 93.9%)" in shown
    report = json.loads(Path("run/report.json").read_text())
    assert (report["success_rate"], report["meta"]["residual"]) == (1.0, "residual")
    alone = report["policy_alone"]
    assert [episode["seed"] for episode in alone["episodes"]] == [4, 5, 6] and alone["meta"]["residual"] is None


@pytest.mark.parametrize("option", ["--lockstep", "--view"])
def test_emulated_hardware_works_in_real_time_and_has_no_viewer(demo, capsys, tmp_path, option):
    assert demo("--hardware", "emulated", option, "--output", "run") == 2
    assert capsys.readouterr().err == f"error: {option}: only with --hardware mujoco\n"
    assert not (tmp_path / "run").exists()


@pytest.mark.gl
def test_video_shows_the_scene(demo, capsys):
    assert demo("--episodes", 1, "--output", "run") == 0
    with av.open("run/demo.mp4") as video:
        picture = next(video.decode(video=0)).to_ndarray(format="rgb24")
    height, width = demo_video.VIEW_SIZE
    assert picture.shape[1] == 2 * width
    for view in (picture[40 : height - 8, 8 : width - 8], picture[40 : height - 8, width + 8 : -8]):
        assert view.std() > 5.0


def test_long_runs_are_thinned_to_a_bounded_number_of_frames(no_rendering):
    rollouts = Rollouts(Path("p"), None, "pick_place", "v3", "none", 0, 10)
    records, results = [], []
    for seed in rollouts.seeds:
        arrays = {name: np.zeros((400, 6)) for name in ("joint_position", "action")}
        arrays |= {name: np.zeros(400) for name in ("reward", "stamp_ns", "latency_ns", "wall_ns")}
        records.append(EpisodeRecord(snapshots=np.zeros((401, 17)), **arrays))
        results.append(EpisodeResult(seed, True, 0.0, 400, None, 400 / 30))
    plan = demo_video.plan_video(rollouts, results, records)
    drawn: list[None] = []
    frames = [sum(1 for _ in clip.frames) for clip in plan.clips(lambda: drawn.append(None))]
    assert len(frames) == demo_video.MAX_EPISODES
    assert sum(frames) == len(drawn) == plan.frames
    assert 0.5 * demo_video.MAX_FRAMES < plan.frames <= demo_video.MAX_FRAMES


def test_view_without_a_display_is_refused_before_anything_starts(demo, tmp_path, capsys):
    assert demo("--view", "--output", "run") == 2
    error = capsys.readouterr().err
    assert error.startswith("error: --view: the viewer needs a display: neither DISPLAY nor WAYLAND_DISPLAY is set")
    assert error.count("\n") == 1
    assert not (tmp_path / "run").exists()


def test_view_on_a_display_that_does_not_answer(demo, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("DISPLAY", ":987")
    assert demo("--view", "--output", "run") == 2
    assert "DISPLAY=:987 cannot be opened" in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_missing_policy_is_refused_before_anything_starts(demo, tmp_path, capsys):
    assert demo("--policy", "nowhere", "--output", "run") == 2
    error = capsys.readouterr().err
    assert "nowhere does not exist; there is: " in error and "policy" in error.split("there is: ")[1]
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("fault", "code"), [(KeyboardInterrupt(), 130), (UserError("act_policy: no"), 2)])
def test_a_run_that_ends_early_leaves_nothing(demo, tmp_path, capsys, monkeypatch, fault, code):
    def ends(*_, **__):
        raise fault

    monkeypatch.setattr(graph_rollouts, "run_graph", ends)
    assert demo("--output", "run", "--json", "out.json") == code
    assert not (tmp_path / "run").exists()
    assert not (tmp_path / "out.json").exists()
