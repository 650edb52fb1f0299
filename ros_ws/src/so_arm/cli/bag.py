"""``so-arm bag``: record, look at, play and check rosbag2 bags, with or without ROS 2 tools on the machine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from so_arm.cli.bag_conversion import to_dataset
from so_arm.cli.bag_play import play
from so_arm.cli.bag_record import record
from so_arm.cli.options import JsonOption
from so_arm.cli.output import console, write_json
from so_arm.cli.progress_bar import progress_bar

EXIT_UNSOUND = 1

BagArgument = Annotated[
    Path, typer.Argument(metavar="BAG", help="Bag folder, or one .mcap or .db3 file.", show_default=False)
]


def register(app: typer.Typer) -> None:
    group = typer.Typer(rich_markup_mode="markdown")
    group.callback()(_group)
    for command in (record, info, play, check):
        group.command(command.__name__)(command)
    group.command("to-dataset")(to_dataset)
    app.add_typer(group, name="bag")


def _group() -> None:
    """Record, look at, play, check and convert rosbag2 bags: MCAP, and sqlite3 from elsewhere."""


def info(bag: BagArgument, json_file: JsonOption = None) -> None:
    """Show what is in a bag: topics, types, counts, quality of service, and what the recorder kept with it."""
    from so_arm.cli.bag_tables import info_data, topic_table, what_it_is
    from so_arm.data.bags.reader import open_bag

    out = console(json_file)
    with open_bag(bag) as opened:
        out.print("\n".join(what_it_is(opened)), markup=False, soft_wrap=True)
        if opened.topics:
            out.print(topic_table(opened))
        for warning in opened.warnings:
            out.print(f"note: {warning}", markup=False, soft_wrap=True)
        write_json(json_file, info_data(opened))


def check(
    bag: BagArgument,
    repair: Annotated[
        bool, typer.Option("--repair", help="Finish a bag whose recorder was killed: index of its last file, metadata.")
    ] = False,
    json_file: JsonOption = None,
) -> None:
    """Read all of a bag and decode all that can be decoded: rates, gaps, stamps that go backwards, damage.

    Exit code 0: sound; 1: something is wrong with it; 2: it is no bag.
    """
    from dataclasses import asdict

    from so_arm.cli.bag_tables import check_table
    from so_arm.data.bags.checks import check as check_bag
    from so_arm.data.bags.reader import open_bag
    from so_arm.data.bags.repair import repair as repair_bag

    out = console(json_file)
    if repair:
        for line in repair_bag(bag):
            out.print(line, markup=False, soft_wrap=True)
    with open_bag(bag) as opened:
        with progress_bar("reading", opened.message_count, "messages") as advance:
            found = check_bag(opened, lambda: advance(1))
        if found.topics:
            out.print(check_table(found))
        for topic in found.topics:
            if topic.note:
                out.print(f"note: {topic.name} was not decoded: {topic.note}", markup=False, soft_wrap=True)
        for problem in found.problems:
            out.print(f"problem: {problem}", markup=False, soft_wrap=True)
        write_json(json_file, {"bag": str(bag), "sound": not found.problems} | asdict(found))
    if found.problems:
        raise typer.Exit(EXIT_UNSOUND)
    out.print(f"sound: {sum(topic.count for topic in found.topics)} messages")
