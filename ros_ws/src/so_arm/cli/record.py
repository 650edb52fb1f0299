"""``so-arm record``: episodes of an arm as a LeRobot dataset, led by a person, the expert or a policy."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from so_arm.cli.arm_choice import ArmChoice
from so_arm.cli.options import JsonOption
from so_arm.cli.output import console, write_json
from so_arm.cli.recording_plan import RecordHardware, RecordingPlan, Teleop
from so_arm.core.counted import counted
from so_arm.core.episode_info import SUCCESS
from so_arm.core.errors import UserError
from so_arm.core.recorder_status import CUT, DISCARDED, SAVED, counts_from_text

if TYPE_CHECKING:
    from rich.console import Console

    from so_arm.cli.recording_run import Turn

#: Teleoperation by these makes no sense without a terminal.
_NEED_KEYS = (Teleop.keyboard,)

_NAME_FINDS = "its name, by which LeRobot's calibration is found."


def register(app: typer.Typer) -> None:
    app.command("record")(record)


def record(
    teleop: Annotated[Teleop, typer.Option(help="Who leads the arm; none: the policy alone.")] = Teleop.none,
    policy: Annotated[
        Path | None,
        typer.Option(metavar="DIR", show_default=False, help="Record runs of this policy; --teleop then takes over."),
    ] = None,
    hardware: Annotated[
        RecordHardware, typer.Option("--hardware", help="mujoco: the bridge; emulated: an arm that is not there; real.")
    ] = RecordHardware.mujoco,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="DIR", show_default="runs/record-DATE-TIME/dataset", help="Folder of the dataset."
        ),
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", "--append", help="Add to the dataset that is in --output.")
    ] = False,
    episodes: Annotated[int, typer.Option(min=1, help="So many episodes are to be saved in this run.")] = 1,
    task: Annotated[str, typer.Option(help="Task: pick_place or reach; a real arm knows any name.")] = "pick_place",
    instruction: Annotated[
        str,
        typer.Option(metavar="TEXT", show_default="the task's own", help="The task in words, kept with each frame."),
    ] = "",
    fps: Annotated[int, typer.Option(min=1, max=200, help="Frames and commands per second [Hz].")] = 30,
    rest: Annotated[
        float | None,
        typer.Option(min=0.0, show_default="5 with a person, else 0", help="Time between episodes [s]."),
    ] = None,
    time_limit: Annotated[
        float | None,
        typer.Option(min=0.0, show_default="60 with a person, else the task's own", help="Longest episode [s]."),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(min=0, show_default="as many episodes as there are", help="Places things in the first episode."),
    ] = None,
    reward: Annotated[str, typer.Option(help="Simulation, the reward column: v1, v2, v3, stable or file:PATH.")] = "v3",
    image_size: Annotated[
        tuple[int, int] | None,
        typer.Option(
            metavar="WIDTH HEIGHT",
            min=16,
            max=1920,
            show_default="the policy's, else 64 64",
            help="Simulated cameras [px].",
        ),
    ] = None,
    no_cameras: Annotated[bool, typer.Option("--no-cameras", help="Record joints only.")] = False,
    cameras: Annotated[
        Path | None,
        typer.Option(metavar="FILE", show_default=False, help="Real cameras: parameters, see launch/cameras.yaml."),
    ] = None,
    device: Annotated[
        str, typer.Option(metavar="PATH", show_default="the first one", help="Gamepad: its device.")
    ] = "",
    port: Annotated[str, typer.Option("--port", "-p", metavar="PORT", show_default=False, help="Real arm: port.")] = "",
    robot_id: Annotated[str, typer.Option(metavar="NAME", show_default=False, help=f"Real arm: {_NAME_FINDS}")] = "",
    calibration: Annotated[
        Path | None, typer.Option(metavar="FILE", show_default=False, help="Calibration of the arm.")
    ] = None,
    leader_port: Annotated[
        str, typer.Option(metavar="PORT", show_default="emulated in simulation", help="Leader arm: serial port.")
    ] = "",
    leader_robot_id: Annotated[
        str, typer.Option(metavar="NAME", show_default=False, help=f"Leader arm: {_NAME_FINDS}")
    ] = "",
    leader_calibration: Annotated[
        Path | None, typer.Option(metavar="FILE", show_default=False, help="Calibration of the leader arm.")
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """Record episodes as a LeRobot v3 dataset: joints, commands, both cameras, reward, success, who was in control.

    In a terminal, keys start, end and judge episodes (h shows them); without one, the services of recording_session do.
    The expert, the emulated leader and a simulated policy need nobody. Each episode is whole on disk before the next
    begins; after Ctrl-C or a crash `--resume` goes on.
    """
    from so_arm.cli.key_node import has_terminal

    runs = Path("runs") / f"record-{datetime.now():%Y%m%d-%H%M%S}"
    plan = RecordingPlan(
        hardware=hardware,
        teleop=teleop,
        policy=policy,
        output=(output or runs / "dataset").expanduser().absolute(),
        resume=resume,
        episodes=episodes,
        task=task,
        instruction=instruction,
        fps=fps,
        rest_s=rest,
        time_limit_s=time_limit,
        seed=seed,
        reward=reward,
        image_size=image_size,
        cameras=not no_cameras,
        cameras_file=cameras,
        device=device,
        follower=ArmChoice(port, robot_id, calibration),
        leader=ArmChoice(leader_port, leader_robot_id, leader_calibration),
    )
    plan.check()
    keys = has_terminal()
    if plan.teleop in _NEED_KEYS and not keys:
        raise UserError(f"--teleop {plan.teleop.value} needs a terminal: standard input or standard error is none")
    _record(plan, runs, keys, json_file)


def _record(plan: RecordingPlan, folder: Path, keys: bool, json_file: Path | None) -> None:
    from so_arm.cli.recording_run import run_recording
    from so_arm.cli.run_folder import run_folder
    from so_arm.core.provenance import provenance

    out = console(json_file)
    before = _episodes_in(plan.output)
    settings = plan.described() | {"seed": plan.seed if plan.seed is not None else before}
    with run_folder(folder, "record", settings):
        out.print(f"what the nodes say goes to {folder / 'graph.log'}", markup=False, soft_wrap=True)
        _say_how(plan, keys, out)

        def on_turn(turn: Turn) -> None:
            if not keys:  # else the operator's line is there, and says it
                out.print(turn["line"], markup=False, soft_wrap=True)

        def on_ready(node: str) -> None:
            if not keys:
                out.print(f"{node} is ready", markup=False)

        try:
            turns = run_recording(plan, settings["seed"], folder / "graph.log", keys, on_turn, on_ready)
        except (KeyboardInterrupt, UserError):
            _say_what_is_kept(plan, before, out)
            raise
        report = settings | _summary(plan, turns) | provenance()
        write_json(folder / "report.json", report)
        write_json(json_file, report)
    _show(out, report, turns)


def _say_how(plan: RecordingPlan, keys: bool, out: Console) -> None:
    """How to go on where nothing goes on by itself."""
    if not plan.automatic and not keys:
        out.print("no terminal for keys: `so-arm call recording_session/record` starts an episode", markup=False)


def _episodes_in(dataset: Path) -> int:
    from so_arm.data.dataset_schema import load_info

    try:
        return int(load_info(dataset)["total_episodes"])
    except UserError:
        return 0


def _say_what_is_kept(plan: RecordingPlan, before: int, out: Console) -> None:
    new = _episodes_in(plan.output) - before
    if new > 0:
        out.print(
            f"{counted(new, 'new episode')} kept in {plan.output}; the same command with --output and --resume goes on",
            markup=False,
            soft_wrap=True,
        )


def _summary(plan: RecordingPlan, turns: list[Turn]) -> dict[str, Any]:
    saved = [turn for turn in turns if turn["result"] == SAVED]
    return {
        "saved": len(saved),
        "frames": sum(turn["rows"] for turn in saved),
        "succeeded": sum(turn["outcome"] == SUCCESS for turn in saved),
        "cut": sum(turn["result"].startswith(CUT) for turn in turns),
        "discarded": sum(turn["result"] == DISCARDED for turn in turns),
        "in_dataset": _episodes_in(plan.output),
        "turns": turns,
    }


def _show(out: Console, report: dict[str, Any], turns: list[Turn]) -> None:
    from rich.table import Table

    table = Table(title="Episodes", title_justify="left")
    for name in ("seed", "outcome", "frames", "recorded", "repeated", "missing"):
        table.add_column(name, justify="left" if name in ("outcome", "recorded") else "right")
    for turn in turns:
        outcome = f"{turn['outcome']}{f', {turn["failure"]}' if turn['failure'] else ''}"
        cells = (turn["rows"], turn["result"], _total(turn, "repeated"), _total(turn, "missing"))
        table.add_row(str(turn["seed"]), outcome, *map(str, cells))
    out.print(table)
    out.print(
        f"{report['saved']} of {report['episodes']} episodes saved ({report['frames']} frames, "
        f"{counted(report['succeeded'], 'success', 'successes')}), {report['cut']} cut, "
        f"{report['discarded']} discarded; {report['in_dataset']} in the dataset",
        markup=False,
        soft_wrap=True,
    )
    out.print(f"dataset {report['dataset']}", markup=False, soft_wrap=True)


def _total(turn: Turn, name: str) -> int:
    """Sum over the streams."""
    return sum(counts_from_text(text).get(name, 0) for text in turn["counts"].values())
