"""``so-arm rewards``: which rewards there are, and what one of them pays."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from so_arm.cli.options import JsonOption
from so_arm.cli.output import console, write_json

if TYPE_CHECKING:
    from rich.table import Table

    from so_arm.rewards.registry import RewardFunction


def register(app: typer.Typer) -> None:
    app.command("rewards")(rewards)


def rewards(
    reward: Annotated[
        str | None, typer.Argument(metavar="[REWARD]", help="v1, v2, v3, stable or file:PATH; without it, the list.")
    ] = None,
    json_file: JsonOption = None,
) -> None:
    """List the rewards, or show what one of them pays in each phase of pick and place.

    A reward file of your own is Python with a function `compute_reward(state)` that returns a number per control tick;
    `so-arm rewards file:PATH` checks it. The fields of `state` and the ready-made terms are in `so_arm.rewards`.
    """
    from so_arm.rewards.registry import make_reward

    if reward is None:
        weights = _weights()
        console(json_file).print(_list(weights))
        write_json(json_file, weights)
        return
    values = _values(make_reward(reward))
    console(json_file).print(_phases(reward, values))
    write_json(json_file, {"reward": reward, "phases": values})


def _weights() -> dict[str, dict[str, float]]:
    """Reward to term to weight."""
    from so_arm.rewards.shaped import WEIGHTS

    return {name: dict(terms) for name, terms in WEIGHTS.items()}


def _values(reward: RewardFunction) -> dict[str, float]:
    from so_arm.rewards.samples import sample_states

    return {phase: reward(state) for phase, state in sample_states().items()}


def _list(weights: dict[str, dict[str, float]]) -> Table:
    from rich.table import Table

    from so_arm.rewards.registry import ALIASES

    names = list(dict.fromkeys(term for terms in weights.values() for term in terms))
    table = Table(title="Weight of each term per control tick", title_justify="left")
    for column in ("reward", *names):
        table.add_column(column, justify="left" if column == "reward" else "right")
    for reward, terms in weights.items():
        also = "".join(f" ({alias})" for alias, name in ALIASES.items() if name == reward)
        table.add_row(reward + also, *(f"{terms[name]:g}" if name in terms else "" for name in names))
    return table


def _phases(reward: str, values: dict[str, float]) -> Table:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=f"What {escape(reward)} pays per control tick", title_justify="left")
    table.add_column("phase")
    table.add_column("reward", justify="right")
    for phase, value in values.items():
        table.add_row(phase, f"{value:.2f}")
    return table
