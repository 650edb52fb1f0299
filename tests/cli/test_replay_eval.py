"""``so-arm replay-eval`` with a stand-in for the policy, and once with the released one."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from tests.altered_policy import policy_of_another_rate, policy_with_another_camera
from tests.data.conversion.arm_bags import COMMANDS, START_NS, STATES, TYPES, episode, position, tick_ns, write
from tests.data.episodes import NEW_NAMES, write_dataset
from tests.data.recordings.video_dataset import LENGTHS, change_info, write_video_dataset

from so_arm.cli import main as cli_main
from so_arm.cli.replay_runs import chosen_episodes
from so_arm.cli.rollouts import released_policy
from so_arm.core.chunk import no_features
from so_arm.core.errors import UserError
from so_arm.core.joints import JOINT_NAMES
from so_arm.data.bags.writer import BagWriter
from so_arm.data.conversion import message_bytes
from so_arm.data.dataset_schema import Record
from so_arm.learning.controller import Prediction

TOTAL = sum(LENGTHS)
COLUMNS = {
    "reward": np.ones(TOTAL, dtype=np.float32),
    "success": [tick == LENGTHS[0] - 1 for tick in range(TOTAL)],
    "intervention": [5 <= tick < 15 for tick in range(TOTAL)],
}


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_video_dataset(tmp_path_factory.mktemp("data") / "set", columns=COLUMNS)


@pytest.fixture
def evaluate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs the verb in this process; a policy stays where it is, off by the degrees in its folder's name."""

    def fake(folder: Path, threads: int):
        off = np.radians(float(folder.name))

        def predict(state, images):
            assert [picture.shape for picture in images.values()] == [(32, 48, 3)]
            return Prediction(np.tile(state + off, (50, 1)), no_features())

        return SimpleNamespace(fps=30, camera_names=("wrist",), feature_size=0, predict=predict, reset=lambda: None)

    for degrees in ("1", "2"):
        (tmp_path / degrees).mkdir()
        (tmp_path / degrees / "config.json").write_text("{}")
    monkeypatch.setattr("so_arm.learning.policy.load_policy", fake)
    monkeypatch.setattr(cli_main, "_listen_to_signals", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    return lambda *words: cli_main.main(["replay-eval", *map(str, words)])


def test_report_page_and_table(evaluate, dataset, capsys):
    assert evaluate(dataset, "--policy", "1", "--json", "a.json", "-o", "run") == 0
    report = json.loads(Path("a.json").read_text())
    assert Path("run/report.json").read_bytes() == Path("a.json").read_bytes()
    assert {path.name for path in Path("run").iterdir()} == {"config.json", "report.json", "report.html", "timing.json"}
    assert report["settings"]["policies"] == ["1"]
    recorded = report["recording"]["summary"]
    assert (recorded["episodes"], recorded["ticks"], recorded["mean_return"]) == (2, TOTAL, TOTAL / 2)
    assert recorded["success"]["labelled_successes"] == 1
    assert recorded["intervention"]["takeovers"] == 1
    summary = report["policies"][0]["summary"]
    assert summary["chunks"] == 3 + 2
    assert set(summary["executed_error"]["mae_deg"]) == {*JOINT_NAMES, "all"}
    shown = capsys.readouterr().out
    assert "error over the chunk, mean" in shown
    assert "times real time" in shown
    assert json.loads(Path("run/timing.json").read_text())["chunk"]["1"]["chunks"] == 5


def test_two_runs_give_the_same_bytes_and_two_policies_are_compared(evaluate, dataset, capsys):
    words = (dataset, "--policy", "1", "--policy", "2")
    assert evaluate(*words, "--json", "a.json") == 0
    assert evaluate(*words, "--json", "b.json", "-o", "other") == 0
    assert Path("a.json").read_bytes() == Path("b.json").read_bytes()
    compared = json.loads(Path("a.json").read_text())["comparison"]
    low, high = compared["executed_error_mae_deg"]["gripper"]["ci95"]
    assert low <= compared["executed_error_mae_deg"]["gripper"]["mean"] <= high
    assert "second - first" in capsys.readouterr().out


def test_json_to_standard_output_and_chosen_episodes(evaluate, dataset, capsys):
    assert evaluate(dataset, "--policy", "1", "--episodes", "1", "--delay", "4", "--json", "-") == 0
    report = json.loads(capsys.readouterr().out)
    assert [episode["name"] for episode in report["recording"]["episodes"]] == ["episode 1"]
    assert report["settings"]["episodes"] == [1]
    assert report["policies"][0]["episodes"][0]["without_chunk_share"] == pytest.approx(4 / 30, abs=1e-6)
    assert report["policies"][0]["episodes"][0]["without_fresh_chunk_share"] == pytest.approx(8 / 30, abs=1e-6)


def test_a_reward_that_the_recording_cannot_be_asked_for(evaluate, dataset):
    assert evaluate(dataset, "--policy", "1", "--reward", "v3", "--json", "a.json") == 0
    reward = json.loads(Path("a.json").read_text())["recording"]["episodes"][0]["reward"]
    assert (reward["source"], reward["return"]) == ("v3", None)
    assert "/sim/state" in reward["reason"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--policy DIR is missing"),
        (["--policy", "none"], "none does not exist"),
        (["--policy", "."], "has no config.json"),
        (["--policy", "1", "--policy", "1"], "is given twice"),
        (["--policy", "1", "--policy", "2", "--policy", "3"], "3 does not exist"),
        (["--policy", "1", "--episodes", "0-7"], "there is no episode 7; there are 2"),
        (["--policy", "1", "--episodes", "x"], "neither a number nor a range"),
        (["--policy", "1", "--reward", "v9"], "unknown reward 'v9'"),
        (["--policy", "1", "--residual", "1"], "has no residual.json"),
        (["--policy", "1", "--units", "radians"], "but in units 'radians'"),
        (["--policy", "1", "--delay", "-1"], "at least 0"),
        (["--policy", "1", "--calibration", "none.json"], "none.json"),
        (["--policy", "1", "--output", "/proc/x"], "cannot write"),
    ],
)
def test_refusals_are_one_line_and_leave_nothing(evaluate, dataset, capsys, words, said):
    assert evaluate(dataset, *words) == 2
    errors = capsys.readouterr().err.strip()
    assert said in errors
    assert "\n" not in errors
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cameras": ("static",)}, "observation.images.wrist has no camera; cameras are static"),
        ({"cameras": ()}, "observation.images.wrist has no camera; cameras are none"),
        ({"fps": 50}, "acts at 30 Hz; the control rate is 50"),
    ],
)
def test_a_policy_that_does_not_fit_is_told_apart(evaluate, tmp_path, capsys, change, said):
    root = write_video_dataset(tmp_path / "set", (8,), **change)
    assert evaluate(root, "--policy", "1") == 2
    errors = capsys.readouterr().err.strip()
    assert said in errors
    assert str(root) in errors
    assert "\n" not in errors


def test_damaged_video_and_foreign_joints_are_named(evaluate, tmp_path, capsys):
    root = write_video_dataset(tmp_path / "set", (8,))
    video = root / "videos/observation.images.wrist/chunk-000/file-000.mp4"
    video.write_bytes(video.read_bytes()[:200])
    assert evaluate(root, "--policy", "1") == 2
    assert f"{video} is damaged" in capsys.readouterr().err
    foreign = write_dataset(tmp_path / "foreign", [(np.zeros((5, 6)), np.zeros((5, 6)))], [f"j{i}" for i in range(6)])
    assert evaluate(foreign, "--policy", "1") == 2
    assert "joints do not match" in capsys.readouterr().err
    change_info(root, total_episodes=0)
    assert evaluate(root, "--policy", "1") == 2
    assert "holds no episode" in capsys.readouterr().err


def _arm_bag(folder: Path, change=lambda message: message, ticks: int = 12) -> Path:
    """`change` gives what becomes of each message; None: it is left out."""
    sent = [change(message) for message in episode(ticks, cameras=("static", "wrist"), size=(32, 48))]
    return write(folder / "bag", [message for message in sent if message is not None])


def _truncated(folder: Path) -> Path:
    file = next(_arm_bag(folder).glob("*.mcap"))
    file.write_bytes(file.read_bytes()[:1000])
    return file


def _of_another_type(folder: Path) -> Path:
    with BagWriter(folder / "bag") as writer:
        for message in episode(4, cameras=()):
            kind = "arm_msgs/msg/Pose" if message.topic == STATES else TYPES[message.topic]
            writer.add_topic(f"/{message.topic}", kind)
            writer.write(f"/{message.topic}", message.log_ns, message.raw)
    return folder / "bag"


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda folder: write(folder / "bag", []), "holds no message"),
        (
            lambda folder: _arm_bag(folder, lambda message: None if message.topic == COMMANDS else message),
            "lacks /follower/joint_commands, needed for an episode; it has /episode/info (2 of ",
        ),
        (_of_another_type, "/follower/joint_states is of type arm_msgs/msg/Pose, expected sensor_msgs/msg/JointState"),
        (_truncated, "holds no message"),
        (
            lambda folder: _arm_bag(
                folder, lambda message: message._replace(raw=message.raw.replace(b"elbow_flex", b"elbow_knee"))
            ),
            "joints do not match (missing elbow_flex; unknown elbow_knee)",
        ),
        (
            lambda folder: _arm_bag(folder, lambda message: None if "wrist" in message.topic else message),
            "observation.images.wrist has no camera; cameras are static",
        ),
    ],
    ids=["empty", "lacking", "type", "truncated", "joints", "no-camera"],
)
def test_bags_that_cannot_be_judged(evaluate, tmp_path, capsys, make, said):
    bag = make(tmp_path / "recorded")
    assert evaluate(bag, "--policy", "1") == 2
    errors = capsys.readouterr().err.strip()
    assert errors.startswith("error: ") and "\n" not in errors
    assert said in errors and str(bag) in errors
    assert not Path("runs").exists()


def _stops(message):
    return None if "wrist" in message.topic and message.stamp_ns >= tick_ns(10) else message


def _slow(message):
    return None if "static" in message.topic and (message.stamp_ns - START_NS) % 66_666_666 > 1_000 else message


def _jumps_back(message):
    if message.topic != STATES or message.stamp_ns < tick_ns(10):
        return message
    return message._replace(raw=bytes(message_bytes.joint_state(message.stamp_ns - 4 * 10**9, position(0))))


@pytest.mark.parametrize(
    ("change", "ticks", "cut"),
    [
        (_stops, 13, "wrist_camera/image_raw stopped at 0.30 s of the episode"),
        (_jumps_back, 11, "the clock of follower/joint_states jumped back by 3.97 s before 0.37 s"),
        (_slow, 40, ""),
    ],
    ids=["stops", "jumps-back", "two-rates"],
)
def test_what_is_whole_of_a_bag_is_judged_and_the_cut_is_told(evaluate, tmp_path, change, ticks, cut):
    assert evaluate(_arm_bag(tmp_path / "recorded", change, 40), "--policy", "1", "--json", "a.json") == 0
    (found,) = json.loads(Path("a.json").read_text())["recording"]["episodes"]
    assert (found["ticks"], found["name"]) == (ticks, f"e-{START_NS}" + (f" (cut: {cut})" if cut else ""))


@pytest.mark.parametrize(
    ("text", "chosen"), [(None, [0, 1, 2, 3]), ("2", [2]), ("3,0-1", [0, 1, 3]), (" 1 - 2 ,1", [1, 2])]
)
def test_which_episodes(text, chosen):
    assert chosen_episodes(text, 4) == chosen


def test_episodes_backwards():
    with pytest.raises(UserError, match="2-1 goes backwards"):
        chosen_episodes("2-1", 4)


@pytest.mark.torch
def test_the_released_policy(tmp_path, monkeypatch, capsys):
    """On a dataset of the project's own writer, twice; and other policies on it are refused by name."""
    from so_arm.data.dataset_writer import DatasetWriter

    monkeypatch.setattr(cli_main, "_listen_to_signals", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    sizes = {"static": (64, 64), "wrist": (64, 64)}
    picture = np.full((64, 64, 3), 128, np.uint8)
    with DatasetWriter(Path("set"), sizes, fps=30, task="Put it there.") as writer:
        for tick in range(30):
            joints = 0.3 * np.sin(tick / 20) * np.ones(6)
            writer.add_frame(joints, joints + 0.01, dict.fromkeys(sizes, picture))
        writer.save_episode({})
    for name in ("a.json", "b.json"):
        words = ["--policy", str(released_policy()), "--json", name, "-o", f"run_{name}"]
        assert cli_main.main(["replay-eval", "set", *words]) == 0
    assert Path("a.json").read_bytes() == Path("b.json").read_bytes()
    assert json.loads(Path("a.json").read_text())["policies"][0]["summary"]["error_by_step"]["count"][0] == 2
    capsys.readouterr()
    for make, said in ((policy_of_another_rate, "acts at 50 Hz"), (policy_with_another_camera, "images.front")):
        folder = make(tmp_path / make.__name__)
        assert cli_main.main(["replay-eval", "set", "--policy", str(folder), "-o", "other"]) == 2
        assert said in capsys.readouterr().err


def test_units_are_asked_for_where_nobody_tells_them(evaluate, tmp_path, capsys):
    still = np.tile([5.0, -40.0, 40.0, 60.0, -30.0, 20.0], (6, 1))
    root = write_dataset(tmp_path / "set", [(still, still)], NEW_NAMES)
    assert Record.load(root) is None
    assert evaluate(root, "--policy", "1") == 2
    assert "give --units" in capsys.readouterr().err
