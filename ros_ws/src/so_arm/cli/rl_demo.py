"""``so-arm rl-demo``: what a residual does, live: the node graph in real time, and a key that switches the residual."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from so_arm.cli.json_lines import JsonLines
from so_arm.cli.options import (
    Hardware,
    HardwareOption,
    JsonOption,
    OutputOption,
    PolicyOption,
    ResidualOption,
    ViewOption,
    check_display,
)
from so_arm.cli.output import console, write_json
from so_arm.cli.run_folder import run_folder
from so_arm.core.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

    from so_arm.cli.rollouts import Rollouts

Turn = dict[str, Any]  # one line of residual_switch's results_file
#: The last episode is told by two nodes; one of them may be a little later [s].
_LAST_TURN_S = 3.0


def register(app: typer.Typer) -> None:
    app.command("rl-demo")(rl_demo)


def rl_demo(
    policy: PolicyOption = None,
    residual: ResidualOption = None,
    task: Annotated[str, typer.Option(help="Task: pick_place or reach.")] = "pick_place",
    episodes: Annotated[
        int | None, typer.Option(min=1, show_default="until Ctrl-C", help="Number of episodes.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the first episode; the others follow it.")] = 100_000,
    hardware: HardwareOption = Hardware.mujoco,
    alternate: Annotated[bool, typer.Option("--alternate", help="Switch the residual after every episode.")] = False,
    view: ViewOption = False,
    json_file: JsonOption = None,
    output: OutputOption = None,
) -> None:
    """Watch a residual at work: space (or r) switches it on and off while the arm moves, in real time.

    Each episode is told with the residual on, off or switched, and the rate of each so far. Without a terminal there
    are no keys: give --alternate, or switch with `so-arm call residual_corrector/set_enabled false`.
    """
    from so_arm.cli.key_node import has_terminal
    from so_arm.cli.rollouts import ENDLESS, Rollouts, chosen_residual, released_policy

    correction = chosen_residual(policy, residual, alone=False)
    if correction is None:
        raise UserError("--residual DIR is missing; there is nothing to switch")
    if view and hardware is Hardware.emulated:
        raise UserError("--view: only with --hardware mujoco")
    if view:
        check_display()
    wanted = Rollouts(policy or released_policy(), correction, task, "v3", "none", seed, episodes or ENDLESS).checked()
    settings = wanted.described() | {"hardware": hardware.value, "alternate": alternate, "clock": "real time"}
    out, keys = console(json_file), has_terminal()
    with run_folder(output, "rl-demo", settings) as folder:
        out.print(f"starting the node graph; what the nodes say goes to {folder / 'graph.log'}", markup=False)
        out.print("the first episode comes when policy and simulation are loaded, in about 15 seconds", markup=False)
        turns = _run(wanted, folder, out, keys, alternate, hardware, view)
        report = settings | {"seeds": [turn["seed"] for turn in turns], "episodes": turns, "modes": _modes(turns)}
        write_json(folder / "report.json", report)
        write_json(json_file, report)
    _show(out, report["modes"])
    out.print(f"report: {folder / 'report.json'}", markup=False, soft_wrap=True)


def _run(
    rollouts: Rollouts, folder: Path, out: Console, keys: bool, alternate: bool, hardware: Hardware, view: bool
) -> list[Turn]:
    """Until all episodes are over, or Ctrl-C after at least one."""
    from so_arm.cli.graph_rollouts import run_graph
    from so_arm.cli.key_node import key_node

    turns: list[Turn] = []
    lines = JsonLines((folder / "episodes.jsonl").absolute())
    parameters = {"keys": keys, "alternate": alternate}
    given = {name: str(value).lower() for name, value in parameters.items()} | {"results_file": str(lines.path)}

    def note_new() -> None:
        for turn in lines.new():
            line = turn.pop("line")
            turns.append(turn)
            if not keys:  # else residual_switch has the terminal, and says it
                out.print(line, markup=False, soft_wrap=True)

    with key_node("residual_switch", given) as check_alive:

        def on_step() -> None:
            note_new()
            check_alive()

        try:
            run_graph(
                rollouts,
                folder / "graph.log",
                lambda result: None,
                lockstep=False,
                hardware=hardware,
                view=view,
                on_ready=lambda node: None if keys else out.print(f"{node} is ready"),
                on_step=on_step,
            )
            deadline = time.monotonic() + _LAST_TURN_S
            while len(turns) < rollouts.episodes and time.monotonic() < deadline:
                note_new()
                time.sleep(0.05)
        except KeyboardInterrupt:
            note_new()
            if not turns:
                raise
    return turns


def _modes(turns: list[Turn]) -> dict[str, dict[str, int]]:
    """Episodes and successes by what commanded the arm."""
    modes: dict[str, dict[str, int]] = {}
    for turn in turns:
        mode = modes.setdefault(turn["mode"], {"episodes": 0, "successes": 0})
        mode["episodes"] += 1
        mode["successes"] += turn["success"]
    return modes


def _show(out: Console, modes: dict[str, dict[str, int]]) -> None:
    from rich.table import Table

    from so_arm.core.statistics import wilson_interval

    table = Table(title="Episodes", title_justify="left")
    for name in ("commanded by", "episodes", "successes", "95 % interval"):
        table.add_column(name, justify="left" if name == "commanded by" else "right")
    for mode, count in sorted(modes.items()):
        low, high = wilson_interval(count["successes"], count["episodes"])
        table.add_row(mode, str(count["episodes"]), str(count["successes"]), f"{low:.0%} to {high:.0%}")
    out.print(table)
