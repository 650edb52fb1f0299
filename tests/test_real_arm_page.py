"""docs/real_arm.md: its commands exist, and the messages that it explains are those that the code gives."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / "docs" / "real_arm.md").read_text(encoding="utf-8")
#: What stands for a name or a number in the messages of the page.
_BLANKS = re.compile(r"\b(?:PORT|JOINT|NAME|FILE|N|M|V|T|S)\b|\.\.\.")


def _messages() -> list[str]:
    rows = re.findall(r"^\| (.*?) \|", PAGE.split("## What the messages mean")[1], re.MULTILINE)
    return [message for row in rows for message in re.findall(r"`(.+?)`", row)]


def test_launch_arguments_of_the_page_exist():
    launch = "".join((ROOT / "launch" / name).read_text() for name in ("so_arm.launch.xml", "episodes.launch.xml"))
    used = set(re.findall(r"(\w+):=", PAGE))
    assert used and used <= set(re.findall(r'<arg name="(\w+)"', launch))


def test_every_message_of_the_page_is_given_somewhere():
    files = sorted((ROOT / "ros_ws" / "src").rglob("*.py"))
    # Messages go over several lines of source, and begin in the middle of one: after a servo's or a joint's name.
    source = re.sub(r'"\s*\n\s*f?"', "", "\n".join(file.read_text(encoding="utf-8") for file in files))
    parts = {part.strip(" ,;:") for message in _messages() for part in _BLANKS.split(message)}
    said = {part.removeprefix("/follower/joint_states ").removeprefix("reports ") for part in parts}
    missing = sorted(part for part in said if len(part) > 3 and part not in source.lower() and part not in source)
    assert not missing


def test_the_table_is_there():
    assert len(_messages()) > 20
