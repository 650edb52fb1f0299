"""What `so-arm bag` shows of a bag, for people and as JSON."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from so_arm.core.counted import counted

if TYPE_CHECKING:
    from rich.table import Table

    from so_arm.data.bags.checks import BagCheck
    from so_arm.data.bags.reader import Bag


def what_it_is(bag: Bag) -> list[str]:
    """Lines about the bag as a whole."""
    sizes = [file.path.stat().st_size for file in bag.files]
    lines = [f"{bag.path}: {bag.storage}, {counted(len(sizes), 'file')}, {bytes_text(sum(sizes))}"]
    if bag.message_count:
        start = datetime.fromtimestamp(bag.start_ns / 1e9)
        lines.append(f"{bag.message_count} messages in {bag.duration_s:.3f} s, from {start:%Y-%m-%d %H:%M:%S}")
    else:
        lines.append("it is empty: 0 messages")
    return lines + [f"{key}: {value}" for key, value in bag.custom_data.items()]


def topic_table(bag: Bag) -> Table:
    table = _table()
    table.add_column("topic and type", overflow="fold")
    for column in ("messages", "rate\n[Hz]"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("quality of service")
    for topic in bag.topics.values():
        rate = f"{topic.count / bag.duration_s:.1f}" if bag.duration_s and topic.count else ""
        table.add_row(f"{topic.name}\n  {topic.type}", str(topic.count), rate, _qos_text(topic.qos))
    return table


def info_data(bag: Bag) -> dict[str, Any]:
    from so_arm.data.bags import qos

    topics = [
        {"name": topic.name, "type": topic.type, "messages": topic.count, "qos": qos.parse(topic.qos)}
        for topic in bag.topics.values()
    ]
    return {
        "bag": str(bag.path),
        "storage": bag.storage,
        "files": [file.path.name for file in bag.files],
        "messages": bag.message_count,
        "start_ns": bag.start_ns,
        "end_ns": bag.end_ns,
        "topics": topics,
        "custom_data": bag.custom_data,
        "warnings": bag.warnings,
    }


def check_table(found: BagCheck) -> Table:
    table = _table()
    table.add_column("topic", overflow="fold")
    for name in ("messages", "rate\n[Hz]", "longest\ngap \\[s]", "gaps", "stamps\nback", "not\ndecoded"):
        table.add_column(name, justify="right", no_wrap=True)
    for topic in found.topics:
        undecoded = "all" if topic.note and topic.count else str(topic.undecodable)
        table.add_row(
            topic.name,
            str(topic.count),
            f"{topic.rate_hz:.1f}",
            f"{topic.longest_gap_s:.3f}",
            str(topic.gaps),
            str(topic.backwards),
            undecoded,
        )
    return table


def _table() -> Table:
    """Close columns, so that names of topics have their line in a terminal of 80."""
    from rich import box
    from rich.table import Table

    return Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)


def bytes_text(size: float) -> str:
    """`size` with the unit that suits it."""
    for unit in ("B", "kB", "MB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.2f} GB"


def _qos_text(text: str) -> str:
    """Quality of service in short; alike publishers once."""
    from so_arm.data.bags import qos

    profiles = []
    for found in qos.parse(text):
        history = "" if found["history"] == "unknown" else f", {found['history']} {found['depth']}".removesuffix(" 0")
        profiles.append(f"{found['reliability']},\n{found['durability']}{history}")
    return ";\n".join(dict.fromkeys(profiles)) or "not recorded"
