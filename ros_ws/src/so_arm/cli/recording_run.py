"""Runs record.launch.xml: the graph, the keys of the terminal, and what becomes of each episode."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

from so_arm.cli.graph_process import GraphLog, running_graph
from so_arm.cli.graph_rollouts import free_port
from so_arm.cli.json_lines import JsonLines
from so_arm.cli.key_node import key_node
from so_arm.cli.recording_plan import PERSONS_REST_S, PERSONS_TIME_S, RecordHardware, RecordingPlan, Teleop
from so_arm.core.errors import UserError
from so_arm.core.recorder_status import SAVED

LAUNCH_FILE = "record.launch.xml"
Turn = dict[str, Any]  # one line of recording_session's results_file


def run_recording(
    plan: RecordingPlan,
    seed: int,
    log: Path,
    keys: bool,
    on_turn: Callable[[Turn], None],
    on_ready: Callable[[str], None] = lambda node: None,
) -> list[Turn]:
    """What became of each episode. However this call ends, no process outlives it, and finished episodes are on disk.

    keys: hand the terminal to `operator`. UserError when the graph fails.
    """
    turns: list[Turn] = []
    with tempfile.TemporaryDirectory(prefix="so_arm_record_") as scratch, GraphLog(log, on_ready) as said:
        results = JsonLines(Path(scratch) / "results.jsonl")
        arguments = _arguments(plan, seed, Path(scratch)) | {"results_file": str(results.path)}

        def note_new() -> None:
            for turn in results.new():
                turns.append(turn)
                on_turn(turn)

        try:
            with (
                running_graph(LAUNCH_FILE, arguments, Path(scratch), said) as supervisor,
                _operator(plan, keys) as alive,
            ):
                while supervisor.step():
                    note_new()
                    alive()
        finally:
            note_new()
    if reason := said.last_words.reason():
        saved = sum(turn["result"] == SAVED for turn in turns)
        raise UserError(f"the recording ended after {saved} of {plan.episodes} episodes: {reason} (all it said: {log})")
    return turns


def _arguments(plan: RecordingPlan, seed: int, scratch: Path) -> dict[str, str]:
    """Launch arguments."""
    width, height = plan.image_size_px
    arguments = {
        "hardware_type": plan.hardware.value,
        "policy": _text(plan.policy is not None),
        "teleop": plan.teleop.value,
        "teleop_device": plan.device,
        "output": str(plan.output),
        "resume": _text(plan.resume),
        "episodes": str(plan.episodes),
        "automatic": _text(plan.automatic),
        "rest": str(_or(plan.rest_s, 0.0 if plan.automatic else PERSONS_REST_S)),
        "task": plan.task,
        "instruction": plan.words,
        "fps": str(plan.fps),
        "seed": str(seed),
        "reward": plan.reward,
        "use_cameras": _text(plan.cameras),
        "image_width": str(width),
        "image_height": str(height),
        "calibration_file": plan.calibration_file(),
    }
    if plan.policy is not None:
        arguments["policy_path"] = str(plan.policy.expanduser().absolute())
    limit_s = _or(plan.time_limit_s, None if plan.automatic else PERSONS_TIME_S)
    if plan.simulated:
        arguments["horizon"] = str(round(limit_s * plan.fps) if limit_s is not None else 0)
    else:
        arguments |= {"time_limit": str(limit_s), "usb_port": plan.follower.port, "robot_id": plan.follower.robot_id}
    if plan.cameras_file is not None:
        arguments["cameras_config_file"] = str(plan.cameras_file.expanduser().absolute())
    return arguments | _hidden_ports(plan, scratch) | _leader_arguments(plan, scratch)


def _hidden_ports(plan: RecordingPlan, scratch: Path) -> dict[str, str]:
    """Emulated servos and streams that no other run on this machine uses."""
    if plan.hardware is not RecordHardware.emulated:
        return {}
    return {"usb_port": str(scratch / "servos"), "streams_port": str(free_port())}


def _leader_arguments(plan: RecordingPlan, scratch: Path) -> dict[str, str]:
    if plan.teleop is not Teleop.leader:
        return {}
    if plan.emulated_leader:
        return {"emulated_leader": "true", "leader_usb_port": str(scratch / "leader")}
    calibration = plan.leader.calibration
    return {
        "emulated_leader": "false",
        "leader_usb_port": plan.leader.port,
        "leader_robot_id": plan.leader.robot_id,
        "leader_calibration_file": str(calibration.expanduser().absolute()) if calibration is not None else "",
    }


def _or[T](value: T | None, default: T) -> T:
    return default if value is None else value


def _text(value: bool) -> str:
    return str(value).lower()


def _operator(plan: RecordingPlan, keys: bool) -> AbstractContextManager[Callable[[], None]]:
    """The node that has the terminal, if there is one; gives what is to be called while all is well."""
    if not keys:
        return nullcontext(lambda: None)
    return key_node("operator", {"jog": _text(plan.teleop is Teleop.keyboard)})
