"""``so-arm bag play``: the messages of a bag on their topics again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from so_arm.cli.bag_node import run_bag_node
from so_arm.cli.progress_bar import progress_bar
from so_arm.core.errors import UserError


def play(
    bag: Annotated[Path, typer.Argument(metavar="BAG", help="Bag folder, or one .mcap or .db3 file.")],
    rate: Annotated[float, typer.Option(min=0.01, max=1000.0, help="Speed: 2 plays twice as fast.")] = 1.0,
    topics: Annotated[
        list[str] | None,
        typer.Option("--topics", "-t", metavar="TOPIC", help="Name or regular expression; may be repeated. [all]"),
    ] = None,
    loop: Annotated[bool, typer.Option("--loop", help="Begin again at the end, until Ctrl-C.")] = False,
    start: Annotated[float, typer.Option(metavar="S", min=0.0, help="Begin so many s after the bag's start.")] = 0.0,
    clock: Annotated[bool, typer.Option("--clock", help="Publish the time of the bag on /clock.")] = False,
) -> None:
    """Publish the messages of a bag as they were recorded: bytes, quality of service and intervals; stamps stay.

    While it plays, `so-arm call bag_player/set_pause true` stops it, `false` lets it go on.
    """
    from so_arm.data.bags.reader import open_bag
    from so_arm.data.bags.selection import Selection

    with open_bag(bag) as opened:
        for warning in opened.warnings:
            typer.echo(f"note: {warning}", err=True)
        if not opened.message_count:
            raise UserError(f"{bag} is empty: there is nothing to play")
        Selection(topics or []).of(opened.topics, "topic of the bag")
        length_s = opened.duration_s
        if start and start >= length_s:
            raise UserError(f"--start is {start:g} s, but the bag is {length_s:.3f} s long")
    parameters = {
        "bag": str(bag.absolute()),
        "topics": topics or [""],
        "rate": float(rate),
        "start": float(start),
        "loop": loop,
        "clock": clock,
    }
    seen: dict[str, Any] = {"at": 0, "published": 0, "skipped": {}}
    with progress_bar("playing", max(1, round(length_s * 10)), "tenths of a second") as advance:

        def on_report(report: dict[str, Any]) -> None:
            now = round(report["at_s"] * 10)
            advance(now - seen["at"])
            seen.update(report, at=now)

        code = run_bag_node("bag_player", parameters, on_report)
    if code:
        raise typer.Exit(code)
    for topic, why in seen["skipped"].items():
        typer.echo(f"{topic} was not played: {why}")
    typer.echo(f"{bag}: {seen['published']} messages published")
