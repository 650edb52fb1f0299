"""so-arm record: what is refused before anything starts, and what the graph is told."""

from __future__ import annotations

import contextlib
import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from so_arm.cli import key_node, recording_run
from so_arm.cli import main as cli_main
from so_arm.cli.arm_choice import ArmChoice
from so_arm.cli.recording_plan import RecordHardware, RecordingPlan, Teleop
from so_arm.cli.recording_run import _arguments
from so_arm.core.errors import UserError
from so_arm.core.files import write_json
from so_arm.core.folder_lock import FolderLock
from so_arm.core.paths import share_dir
from so_arm.data.dataset_schema import INTERVENTION, REWARD, SUCCESS, Record, features

EXAMPLES = share_dir() / "calibration"
NO_ARM = ArmChoice("", "", None)
FOLLOWER = ArmChoice("/dev/a", "", EXAMPLES / "example_follower.json")
LEADER = ArmChoice("/dev/b", "", EXAMPLES / "example_leader.json")


def plan(output: Path, **changes: object) -> RecordingPlan:
    expert = RecordingPlan(
        hardware=RecordHardware.mujoco,
        teleop=Teleop.expert,
        policy=None,
        output=output,
        resume=False,
        episodes=3,
        task="reach",
        instruction="",
        fps=30,
        rest_s=None,
        time_limit_s=None,
        seed=None,
        reward="v3",
        image_size=None,
        cameras=True,
        cameras_file=None,
        device="",
        follower=NO_ARM,
        leader=NO_ARM,
    )
    return dataclasses.replace(expert, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"teleop": Teleop.none}, "nothing would command the arm: give --teleop leader, .* or --policy DIR"),
        ({"hardware": RecordHardware.real}, "--teleop expert: only in simulation"),
        ({"policy": Path("nowhere")}, "--policy .*nowhere does not exist"),
        ({"task": "fly"}, "unknown task 'fly'; choose one of"),
        ({"reward": "v9"}, "unknown reward 'v9'"),
        ({"fps": 25}, "--fps 25: the simulated arm is commanded at 30 Hz"),
        ({"resume": True}, "--resume: there is no dataset in"),
        (
            {
                "hardware": RecordHardware.real,
                "teleop": Teleop.keyboard,
                "follower": FOLLOWER,
                "cameras_file": Path("no.yaml"),
            },
            "--cameras no.yaml does not exist",
        ),
        ({"cameras_file": Path("my.yaml")}, "--cameras has a meaning only with --hardware real"),
        ({"follower": ArmChoice("/dev/a", "", None)}, "--port has a meaning only with --hardware real"),
        ({"follower": ArmChoice("", "", Path("a.json"))}, "--calibration .* only with --hardware emulated or real"),
        ({"leader": ArmChoice("/dev/a", "", None)}, "--leader-port has a meaning only with --teleop leader"),
        (
            {"teleop": Teleop.leader, "leader": ArmChoice("", "my_leader", None)},
            "--leader-robot-id has a meaning only with --leader-port",
        ),
        ({"device": "/dev/input/event0"}, "--device has a meaning only with --teleop gamepad"),
        (
            {"hardware": RecordHardware.real, "teleop": Teleop.keyboard, "image_size": (64, 64)},
            "--image-size has a meaning only with --hardware mujoco or emulated",
        ),
        ({"hardware": RecordHardware.real, "teleop": Teleop.keyboard}, "the follower arm needs --port; .*find-port"),
        (
            {"hardware": RecordHardware.real, "teleop": Teleop.keyboard, "follower": ArmChoice("/dev/a", "", None)},
            "the follower arm needs --robot-id or --calibration",
        ),
        (
            {"hardware": RecordHardware.real, "teleop": Teleop.leader, "follower": FOLLOWER},
            "the leader arm needs --leader-port",
        ),
        (
            {"teleop": Teleop.leader, "leader": ArmChoice("/dev/b", "nobody-has-it", None)},
            "no calibration of leader 'nobody-has-it'",
        ),
        (
            {"hardware": RecordHardware.real, "teleop": Teleop.keyboard, "follower": FOLLOWER, "task": "fold"},
            "--task fold is known by its name only; say it in words with --instruction",
        ),
    ],
)
def test_what_cannot_work_is_refused_before_anything_starts(tmp_path: Path, changes: dict, reason: str):
    with pytest.raises(UserError, match=reason):
        plan(tmp_path / "set", **changes).check()


def test_a_folder_that_holds_something_else_is_not_written_to(tmp_path: Path):
    (tmp_path / "letter.txt").touch()
    with pytest.raises(UserError, match="already holds files; choose a new folder, or add to it with --resume"):
        plan(tmp_path).check()
    with pytest.raises(UserError, match="is not a LeRobot dataset"):
        plan(tmp_path, resume=True).check()


@pytest.fixture
def recorded_before(tmp_path: Path) -> Path:
    """What a recording of the expert leaves behind, as far as its description goes."""
    root = tmp_path / "set"
    described = features(dict.fromkeys(("static", "wrist"), (64, 64)), (REWARD, SUCCESS, INTERVENTION))
    info = {"codebase_version": "v3.0", "fps": 30, "robot_type": "so100_follower", "total_episodes": 4}
    write_json(root / "meta" / "info.json", info | {"features": described})
    Record().save(root)
    return root


@pytest.mark.parametrize(
    ("spoil", "changes", "reason"),
    [
        (lambda info: info | {"fps": 25}, {}, "fps is 25, but this recording has 30"),
        (
            lambda info: json.loads(json.dumps(info).replace("elbow_flex.pos", "elbow.pos")),
            {},
            r"names of observation.state are .*'elbow.pos'.* expected",
        ),
        (
            lambda info: info,
            {"image_size": (128, 64)},
            r"cameras is .*\(64, 64\).* but this recording has .*\(64, 128\)",
        ),
        (lambda info: info, {"cameras": False}, "cameras is .* but this recording has none"),
        (lambda info: info, {"hardware": RecordHardware.emulated}, "calibration is none, but this recording has"),
    ],
)
def test_a_dataset_that_does_not_fit_is_not_added_to(recorded_before: Path, spoil, changes: dict, reason: str):
    resumed = plan(recorded_before, resume=True, **changes)
    file = recorded_before / "meta" / "info.json"
    info = json.loads(file.read_text())
    plan(recorded_before, resume=True).check()
    file.write_text(json.dumps(spoil(info)))
    with pytest.raises(UserError, match=reason):
        resumed.check()


def test_a_dataset_that_somebody_writes_to_is_left_alone(recorded_before: Path):
    lock = FolderLock(recorded_before)
    with pytest.raises(UserError, match="is being written by another process; wait for it, or stop it"):
        plan(recorded_before, resume=True).check()
    lock.release()
    plan(recorded_before, resume=True).check()


@pytest.mark.parametrize(
    ("changes", "automatic", "given"),
    [
        ({}, True, {"policy": "false", "horizon": "0", "rest": "0.0", "instruction": "Reach the target point."}),
        (
            {"teleop": Teleop.keyboard, "time_limit_s": 20.0},
            False,
            {"horizon": "600", "rest": "5.0", "automatic": "false"},
        ),
        (
            {"hardware": RecordHardware.emulated, "teleop": Teleop.leader},
            True,
            {"emulated_leader": "true", "calibration_file": str(EXAMPLES / "example_follower.json")},
        ),
        (
            {"hardware": RecordHardware.emulated, "teleop": Teleop.leader, "leader": LEADER},
            False,
            {"emulated_leader": "false", "leader_usb_port": "/dev/b"},
        ),
        (
            {
                "hardware": RecordHardware.real,
                "teleop": Teleop.leader,
                "leader": LEADER,
                "follower": FOLLOWER,
                "task": "fold",
                "instruction": "Fold the cloth.",
            },
            False,
            {"time_limit": "60.0", "usb_port": "/dev/a", "instruction": "Fold the cloth."},
        ),
    ],
)
def test_what_the_graph_is_told(tmp_path: Path, changes: dict, automatic: bool, given: dict):
    recording = plan(tmp_path / "set", **changes)
    recording.check()
    assert recording.automatic is automatic
    arguments = _arguments(recording, 7, tmp_path)
    assert {name: arguments[name] for name in given} == given
    assert arguments["seed"] == "7" and arguments["image_width"] == "64"


def _turn(number: int, result: str = "saved") -> dict:
    return {
        "line": f"episode {number} of 3: {result}",
        "id": f"e{number}",
        "seed": number,
        "outcome": "success",
        "failure": "",
        "steps": 30,
        "result": result,
        "rows": 30,
        "counts": {},
    }


@pytest.fixture
def recorded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Runs `so-arm record` with a stand-in for the graph, whose session writes one turn per step."""

    class Graph:
        def __init__(self, results: Path, turns: list[dict], then: Callable[[], None]) -> None:
            self._results, self._turns, self._then = results, list(turns), then

        def step(self) -> bool:
            if not self._turns:
                self._then()
                return False
            with self._results.open("a") as lines:
                lines.write(json.dumps(self._turns.pop(0)) + "\n")
            return True

    def run(*words: str, turns: list[dict], then: Callable[[object], None] = lambda said: None) -> int:
        @contextlib.contextmanager
        def fake(launch_file, arguments, scratch, output):
            assert launch_file == "record.launch.xml"
            yield Graph(Path(arguments["results_file"]), turns, lambda: then(output))

        monkeypatch.setattr(recording_run, "running_graph", fake)
        return cli_main.main(["record", "--teleop", "expert", "--episodes", "3", *words])

    monkeypatch.setattr(cli_main, "_listen_to_signals", lambda *_: None)
    monkeypatch.chdir(tmp_path)
    return run


def test_each_episode_and_the_summary_are_told(recorded, capsys):
    assert recorded("--json", "-", turns=[_turn(1), _turn(2, "cut: no image"), _turn(2), _turn(3)]) == 0
    said = capsys.readouterr()
    assert "episode 2 of 3: cut: no image" in said.err
    assert "3 of 3 episodes saved (90 frames, 3 successes), 1 cut, 0 discarded" in said.err
    report = json.loads(said.out)
    assert (report["saved"], report["cut"], report["seed"]) == (3, 1, 0)
    assert report["dataset"].startswith("runs/record-")


def test_a_graph_that_fails_is_one_line_with_the_reason(recorded, capsys):
    def die(said) -> None:
        said.last_words.hear("recorder", "recorder: no space left on the disk for /data; free some")
        said.last_words.died("recorder", 2)

    assert recorded(turns=[_turn(1)], then=die) == 2
    error = capsys.readouterr().err.strip()
    assert error.startswith("error: the recording ended after 1 of 3 episodes: [recorder] recorder: no space left")
    assert "graph.log" in error and len(error.splitlines()) == 1


def test_an_interrupt_says_how_to_go_on(recorded, capsys, monkeypatch: pytest.MonkeyPatch):
    from so_arm.cli import record as verb

    counts = iter([2, 3])
    monkeypatch.setattr(verb, "_episodes_in", lambda dataset: next(counts))

    def interrupt(said) -> None:
        raise KeyboardInterrupt

    assert recorded(turns=[_turn(1)], then=interrupt) == 130
    assert "1 new episode kept in" in capsys.readouterr().out


def test_keys_need_a_terminal(tmp_path: Path, capsys, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(key_node, "has_terminal", lambda: False)
    assert cli_main.main(["record", "--teleop", "keyboard"]) == 2
    error = capsys.readouterr().err.strip()
    assert error == "error: --teleop keyboard needs a terminal: standard input or standard error is none"
    assert list(tmp_path.iterdir()) == []
